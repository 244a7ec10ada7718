"""`python -m bench.long_file`: how fast and how well `/v1/audio/transcriptions` recognises a long recording, compared
with faster-whisper's own `transcribe`, and how much memory it takes.

In the recording, the bundled voice speaks the lines of the scripted conversations. AI-Talk and faster-whisper recognise
it with the bundled model, one after the other, in alternating order: AI-Talk through the whole mesh, faster-whisper as
its documentation shows. With --hours, AI-Talk then recognises a recording of that length (the same speech, repeated),
and the most memory that the gateway and asr_service take meanwhile is measured.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, cycle
from pathlib import Path
from statistics import median
from threading import Event, Thread

import httpx
import numpy as np
import psutil
from faster_whisper import WhisperModel

from asr_service.engines.whisper_models import find_bundled
from bench.partner.scripts import scripts
from bench.utterances import RATE_HZ
from tests.support.asr import Pcm, silence, spoken
from tests.support.mesh import Mesh, running_mesh
from tests.support.transcription import word_error_rate

PAUSES_S = (0.4, 0.8, 0.6)
TIMEOUT_S = 3600.0
PROCESSES = ("gateway", "asr_service")


@dataclass(frozen=True)
class Recording:
    """16-bit mono PCM at RATE_HZ, and the words in it."""

    pcm: Pcm
    words: str

    @property
    def wav(self) -> bytes:
        """As a WAV file."""
        with wave.open(file := io.BytesIO(), "wb") as writer:
            writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            writer.writeframes(self.pcm.tobytes())
        return file.getvalue()


@dataclass
class Peak:
    """The most memory that each process took above its amount at the beginning, in MB."""

    begin: dict[str, float]
    above: dict[str, float] = field(default_factory=dict)


def speech(minutes: float) -> Recording:
    """At least this much speech, with short pauses."""
    pieces: list[Pcm] = []
    said: list[str] = []
    pause_s = cycle(PAUSES_S)
    lines = chain.from_iterable(script.lines for script in scripts())
    while sum(map(len, pieces)) < minutes * 60 * RATE_HZ:
        said.append(next(lines))
        pieces += [spoken(said[-1]), silence(next(pause_s))]
    return Recording(np.concatenate(pieces), " ".join(said))


def repeated(recording: Recording, hours: float) -> Recording:
    """The recording repeated, at most `hours` in all."""
    times = max(1, int(hours * 3600 * RATE_HZ) // len(recording.pcm))
    return Recording(np.tile(recording.pcm, times), " ".join([recording.words] * times))


def through_the_mesh(mesh: Mesh, recording: Recording) -> str:
    """The words that the gateway's REST API recognises."""
    answer = httpx.post(
        f"{mesh.http}/v1/audio/transcriptions",
        files={"file": ("long.wav", recording.wav, "audio/wav")},
        data={"model": "whisper-1", "language": "en", "response_format": "text"},
        timeout=TIMEOUT_S,
    )
    answer.raise_for_status()
    return answer.text


def by_faster_whisper(model: WhisperModel, recording: Recording) -> str:
    """The words that faster-whisper's sequential `transcribe` recognises."""
    segments, _ = model.transcribe(recording.pcm.astype(np.float32) / 32768, language="en")
    return " ".join(segment.text.strip() for segment in segments)


@contextmanager
def peak(mesh: Mesh) -> Iterator[Peak]:
    """Measures the memory of the gateway and of recognition (PSS) within the block."""
    found = [
        (name, process)
        for process in psutil.Process(mesh.process.process.pid).children(recursive=True)
        for name in PROCESSES
        if name in process.cmdline()
    ]

    def taken() -> dict[str, float]:
        return {name: process.memory_full_info().pss / 1e6 for name, process in found}

    result, over = Peak(taken()), Event()

    def watch() -> None:
        while not over.wait(0.5):
            for name, now_mb in taken().items():
                result.above[name] = max(result.above.get(name, 0.0), now_mb - result.begin[name])

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        over.set()
        thread.join(5)


def timed(recognise: Callable[[], str], words: str) -> tuple[float, float]:
    """How long it took in seconds, and the word error rate."""
    began_s = time.perf_counter()
    heard = recognise()
    return time.perf_counter() - began_s, word_error_rate(words, heard)


def main() -> None:
    """Run the measurement that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.long_file", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the recording; at most about 14")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--hours", type=float, default=0.0, help="length of a second recording, for memory; 0: none")
    arguments = parser.parse_args()
    recording = speech(arguments.minutes)
    print(f"{len(recording.pcm) / RATE_HZ / 60:.1f} minutes, {len(recording.words.split())} words", flush=True)
    model = WhisperModel(str(find_bundled()), device="cpu", compute_type="int8")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_mesh(Path(folder)) as mesh:
        sides = {
            "AI-Talk": lambda: through_the_mesh(mesh, recording),
            "faster-whisper": lambda: by_faster_whisper(model, recording),
        }
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for run in range(arguments.runs):
            for name in list(sides) if run % 2 == 0 else reversed(sides):
                seconds, errors = timed(sides[name], recording.words)
                taken[name].append(seconds)
                print(f"run {run + 1}, {name}: {seconds:.1f} s, word error rate {errors:.2%}", flush=True)
        if arguments.runs:
            ratio = median(taken["faster-whisper"]) / median(taken["AI-Talk"])
            print(f"AI-Talk is {ratio:.2f} × as fast as faster-whisper")
        if arguments.hours:
            long = repeated(recording, arguments.hours)
            with peak(mesh) as memory:
                seconds, errors = timed(lambda: through_the_mesh(mesh, long), long.words)
            above = ", ".join(f"{name} {mb:.0f}" for name, mb in memory.above.items())
            print(f"{arguments.hours:g} hours: {seconds:.0f} s, word error rate {errors:.2%}; MB above idle: {above}")


if __name__ == "__main__":
    main()
