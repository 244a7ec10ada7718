#!/usr/bin/env bash
# Finding: speech-to-speech's Realtime server reads 24 kHz PCM as 16 kHz unless the session states the rate, and reads
#   G.711 as PCM.
#
# Version: speech-to-speech 1.1.0, openai 2.28.0 (which it requires), CPython 3.11, Linux x86-64.
# Expected: PCM of the Realtime API is 24 kHz, stated or not. The types of `openai` say of `AudioPCM`: "Only a 24kHz
#   sample rate is supported", and of its `rate`: "Always `24000`". `audio/pcmu` and `audio/pcma` are G.711 at 8 kHz: a
#   second has 8,000 bytes. A format that a server can't decode is an `error`.
# Seen: without a format, and with {"type": "audio/pcm"}, one second of the client's audio becomes 1.5 s of the server's
#   16 kHz audio. With `audio/pcmu`, the bytes are read as 16-bit samples, and a second becomes a quarter of a second of
#   noise. `session.updated` repeats the format, and no error is sent. By its code, the
#   sound that it sends has the same fault.
# Who is hurt: users of clients that rely on the API's default, or on telephone audio: the server hears a slow, deep
#   voice or noise, its transcripts are wrong, and its voice plays too fast and too high.
# Valid input: sessions and audio as the API's types describe them. Fails if any of the lengths changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# Without its dependencies, because those of its engines are many GB: the code that is run here needs only these.
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "openai==2.28.0" "numpy<3" "scipy<2" "rich<16" \
  "soxr<2" "fastapi<1" "jsonschema<5" "pillow<14" "PyYAML<7"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "speech-to-speech==1.1.0"
cd "$folder"
"$folder/venv/bin/python" <<'PYTHON'
import base64
import sys

from openai.types.realtime import InputAudioBufferAppendEvent, SessionUpdateEvent
from speech_to_speech.api.openai_realtime.service import RealtimeService


def heard_s(audio_format, second):
    """How long one second of a client's audio is for the pipeline behind the server, and the format that it reports."""
    service = RealtimeService()
    connection = service.register()
    audio = {"audio": {"input": {"format": audio_format}}} if audio_format else {}
    session = {"type": "session.update", "session": {"type": "realtime", **audio}}
    error = service.handle_session_update(connection, SessionUpdateEvent.model_validate(session))
    reported = service.build_session_updated(connection).session.audio.input.format
    append = InputAudioBufferAppendEvent(type="input_audio_buffer.append", audio=base64.b64encode(second).decode())
    chunks = service.handle_audio_append(connection, append)  # of 512 samples at 16 kHz each
    return len(chunks) * 512 / 16_000, reported, error


pcm, g711 = bytes(2 * 24_000), b"\xff" * 8_000
results = {
    "no format": heard_s(None, pcm),
    "audio/pcm": heard_s({"type": "audio/pcm"}, pcm),
    "audio/pcm, rate 24000": heard_s({"type": "audio/pcm", "rate": 24_000}, pcm),
    "audio/pcmu": heard_s({"type": "audio/pcmu"}, g711),
}
for name, (seconds, reported, error) in results.items():
    print(f"{name}: one second is heard as {seconds:.2f} s; reported: {reported}; error: {error}")
expected = {"no format": 1.5, "audio/pcm": 1.5, "audio/pcm, rate 24000": 1.0, "audio/pcmu": 0.25}
as_described = all(abs(results[name][0] - seconds) < 0.05 and results[name][2] is None for name, seconds in expected.items())
sys.exit(0 if as_described else 1)
PYTHON
echo "as described"
