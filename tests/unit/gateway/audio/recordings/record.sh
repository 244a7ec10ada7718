#!/usr/bin/env bash
# Makes the recordings anew. Real programs write a chirp of one second (tests/support/audio.py) to a pipe.
# Needs Debian's ffmpeg, sox, gstreamer1.0-tools, gstreamer1.0-plugins-{base,good} and opus-tools. Firefox's two are made
# by MediaRecorder in a page: getUserMedia({audio: true, fake: true}), 16 kbit/s, start(250).
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" - "$work" <<'PYTHON'
import sys
import wave
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
for rate in (8_000, 44_100, 48_000):
    t = np.arange(rate) / rate
    sound = (10_000 * np.sin(2 * np.pi * (200 + 150 * t) * t)).astype("<i2")
    pause = np.concatenate([sound[: rate // 2], np.zeros(rate, "<i2"), sound[rate // 2 :]])
    for name, samples in ((f"{rate}", sound), (f"pause-{rate}", pause)):
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.tobytes())
PYTHON
gst() { # $1: the source; then the pipeline's elements. GStreamer fails at the end, because a pipe can't be rewound.
  local source=$1
  shift
  gst-launch-1.0 -q filesrc location="$work/$source.wav" ! wavparse ! audioconvert ! "$@" ! fdsink 2>/dev/null | cat || true
}
ff() { ffmpeg -v error -i "$work/$1.wav" "${@:2}" - | cat; }
ff 8000 -f wav >ffmpeg-5.1.wav
ff 48000 -c:a libopus -b:a 24k -f webm >ffmpeg-5.1.webm
ffmpeg -v error -y -i ffmpeg-5.1.webm -c copy -cues_to_front 1 "$work/cues.webm" && cp "$work/cues.webm" ffmpeg-5.1-cues-first.webm
ff 44100 -c:a aac -b:a 48k -f adts >ffmpeg-5.1.aac
ff 8000 -c:a pcm_alaw -f wav >ffmpeg-5.1-alaw.wav
sox -q "$work/8000.wav" -t wav - | cat >sox-14.4.wav
sox -q "$work/8000.wav" -e mu-law -t wav - | cat >sox-14.4-mulaw.wav
gst 8000 wavenc >gstreamer-1.22.wav
gst 48000 opusenc bitrate=24000 ! webmmux streamable=true >gstreamer-1.22.webm
gst pause-48000 opusenc bitrate=24000 audio-type=voice dtx=true ! webmmux streamable=true >gstreamer-1.22-dtx.webm
gst pause-48000 opusenc bitrate=24000 audio-type=voice dtx=true ! oggmux >gstreamer-1.22-dtx.ogg
opusenc --quiet --bitrate 24 "$work/48000.wav" - | cat >opusenc-0.1.10.ogg
