#!/usr/bin/env bash
# Finding: each av.AudioResampler of PyAV that really converts something starts a thread for each core, up to 15. It
# never uses them.
#
# Version: PyAV (av) 18.1.0 with its bundled FFmpeg, numpy 2.3.5, CPython 3.11, Linux x86-64.
# Expected: resampling is done in the calling thread, as libswresample does it; a resampler takes no thread.
# Seen: AudioResampler builds a filter graph (abuffer, aformat, abuffersink) and leaves the graph's number of threads at
#   0, which lets libavfilter start as many as there are cores. Audio filters have no work to share, so the threads
#   only wait until the graph is freed. The same graph with `threads = 1` gives the same samples.
# Who is hurt: servers with a resampler for each speaker. 250 of them had 500 threads on 2 cores; on 16 cores they would
#   have 3,750, which is near the limits of many containers. Making the threads is most of the cost of a resampler.
# Valid input: 20 resamplers from 48 to 16 kHz, each of which gets one frame of 20 ms. FFmpeg is told that there are
#   1, 4 and 64 cores. Fails unless they start 0, 4 and 15 threads each, and the graph with one thread starts none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import ctypes
import os
import sys

import av
import numpy as np
from av.filter import Graph

RESAMPLERS = 20
with open("/proc/self/maps") as maps:
    libavutil = ctypes.CDLL(next(line.split()[-1] for line in maps if "libavutil" in line))
frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), format="s16", layout="mono")
frame.sample_rate = 48_000


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def resampler() -> object:
    made = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    made.resample(frame)
    return made


def graph_with_one_thread() -> object:
    graph = Graph()
    graph.threads = 1
    source = graph.add_abuffer(sample_rate=48_000, format="s16", layout="mono")
    form = graph.add("aformat", "sample_fmts=s16:sample_rates=16000:channel_layouts=mono")
    graph.link_nodes(source, form, graph.add("abuffersink")).configure()
    graph.push(frame)
    graph.pull()
    return graph


seen = {}
for make in (resampler, graph_with_one_thread):
    for cores in (1, 4, 64):
        libavutil.av_cpu_force_count(cores)
        before = threads()
        kept = [make() for _ in range(RESAMPLERS)]
        seen[make.__name__, cores] = (threads() - before) / RESAMPLERS
        print(f"{make.__name__} on {cores} cores: {seen[make.__name__, cores]:g} threads each")
        del kept
sys.exit(0 if list(seen.values()) == [0, 4, 15, 0, 0, 0] else 1)
PYTHON
