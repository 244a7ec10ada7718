"""A session's microphone: bytes as they come from the socket → 16-bit little-endian mono PCM at recognition's rate.

    feed(bytes) → stream_detector ──→ decoder, in a thread ──────────────────────────→ decoded_queue → async for item
                        └──────────── raw PCM at recognition's rate: plain_audio, gathering ─↗

For each format, `decoder` uses `container`, `adts`, `flac`, `wav` or `pcm`.

Begin with `input.py`. `diagnostics.py` and `recorder.py` are for debugging.
"""

from gateway.audio.diagnostics import AudioDiagnostics
from gateway.audio.errors import AudioError
from gateway.audio.gathering import Expected, Gathering
from gateway.audio.input import AudioInput
from gateway.audio.recorder import DebugRecorder
from gateway.audio.rough_voice import RoughVoice
from gateway.audio.types import DecodedAudio, Quiet, StreamCut

__all__ = [
    "AudioDiagnostics",
    "AudioError",
    "AudioInput",
    "DebugRecorder",
    "DecodedAudio",
    "Expected",
    "Gathering",
    "Quiet",
    "RoughVoice",
    "StreamCut",
]
