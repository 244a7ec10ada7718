"""Speaks the sentences of the bench: half of them with the bundled Piper voice, half with six voices of Kokoro.

Speech is stored in `FOLDER`, because Kokoro takes about a second of processor time for a second of speech. If Kokoro's
files are missing, Piper speaks all sentences, and the report has only one voice, `joe`.
"""

from __future__ import annotations

import hashlib
import wave
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from piper import PiperVoice

from asr_service.audio import ENGINE_RATE_HZ, Audio, pcm_to_float
from bench.verbatim.sentences import Pair
from common.pcm import BYTES_PER_SAMPLE
from tests.support.voices import piper_voice
from tts_service.config import TtsSettings
from tts_service.engines.kokoro import KokoroTts
from tts_service.engines.kokoro_files import KOKORO, PARTED

FOLDER = Path("build/verbatim")
VOICES = ("af_heart", "bf_emma", "am_michael", "bm_george", "af_bella", "am_fenrir")
_SILENCE = bytes(ENGINE_RATE_HZ // 4 * BYTES_PER_SAMPLE)  # around the voice, because recognition keeps some there


def voice_of(pair: Pair) -> str:
    """The voice that speaks a pair: `joe` is Piper's, the others are Kokoro's."""
    return VOICES[pair.number // 2 % len(VOICES)] if pair.number % 2 and has_kokoro() else "joe"


@cache
def has_kokoro() -> bool:
    """Whether Kokoro's files are here; `make models PROFILE=languages` installs them."""
    folder = TtsSettings().models_cache_dir.expanduser()
    return all(part.joined(folder) for part in PARTED)


def speech(text: str, voice: str) -> Audio:
    """`text` in that voice: float32 mono at 16 kHz."""
    name = hashlib.sha256(f"{voice} {text}".encode()).hexdigest()[:24]
    path = FOLDER / f"{name}.wav"
    if not path.exists():
        _write(path, _pcm(*(_piper_speech(text) if voice == "joe" else _kokoro_speech(text, voice))))
    with wave.open(str(path)) as recording:
        return pcm_to_float(recording.readframes(recording.getnframes()))


def _write(path: Path, pcm: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with wave.open(str(half), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(BYTES_PER_SAMPLE)
        recording.setframerate(ENGINE_RATE_HZ)
        recording.writeframes(_SILENCE + pcm + _SILENCE)
    half.replace(path)


def _pcm(samples: NDArray[np.float32], rate_hz: int) -> bytes:
    resampled = soxr.resample(samples, rate_hz, ENGINE_RATE_HZ)
    return bytes((resampled.clip(-1, 1) * 32767).astype(np.int16).tobytes())


def _piper_speech(text: str) -> tuple[NDArray[np.float32], int]:
    voice = _piper()
    return np.concatenate([piece.audio_float_array for piece in voice.synthesize(text)]), voice.config.sample_rate


def _kokoro_speech(text: str, voice: str) -> tuple[NDArray[np.float32], int]:
    engine = _kokoro()
    chosen = next(one for one in engine.voices() if one.id == voice)
    pieces = engine.synthesize(text, voice=chosen, speed=1.0, language="en")
    return np.concatenate([piece.pcm for piece in pieces]), chosen.sample_rate_hz


@cache
def _piper() -> PiperVoice:
    return PiperVoice.load(piper_voice())


@cache
def _kokoro() -> KokoroTts:
    engine = KokoroTts(TtsSettings(tts_device="cpu"), KOKORO)
    engine.load()
    return engine
