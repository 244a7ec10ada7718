"""A session's microphone: bytes as they come from the socket → 16-bit little-endian mono PCM at the ASR's rate.

    feed(bytes) → sniff ──header──→ encoded ──one thread──→ container · wav · pcm ──→ decoded → async for item in audio
                    └──────── raw PCM at the ASR's rate, as it is ─────────────────────↗

`input.py` tells the story; `diagnostics.py` and `recorder.py` say what was heard.
"""

from gateway.audio.diagnostics import AudioDiagnostics
from gateway.audio.errors import AudioError
from gateway.audio.gathering import Expected, Gathering
from gateway.audio.input import AudioInput
from gateway.audio.recorder import DebugRecorder
from gateway.audio.types import DecodedAudio, Quiet

__all__ = [
    "AudioDiagnostics",
    "AudioError",
    "AudioInput",
    "DebugRecorder",
    "DecodedAudio",
    "Expected",
    "Gathering",
    "Quiet",
]
