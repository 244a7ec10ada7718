"""Kokoro speaks the sentences, with the slip and without. It reads phonemes, so a slip changes nothing else.

The speech is stored in `FOLDER`, because Kokoro takes about a second of processor time for a second of speech.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from asr_service.audio import ENGINE_RATE_HZ, Audio
from bench.pronunciation.sentences import Sentence
from tts_service.config import TtsSettings
from tts_service.engines.kokoro_files import KOKORO, fetch, read_voices
from tts_service.engines.kokoro_model import SAMPLE_RATE_HZ, KokoroModel
from tts_service.engines.kokoro_phonemes import KokoroPhonemizer

FOLDER = Path("build/pronunciation")
_SILENCE = np.zeros(ENGINE_RATE_HZ // 4, np.float32)  # around the voice


def phonemes_of(sentence: Sentence, *, is_wrong: bool) -> list[str]:
    """What Kokoro is to say. Raises ValueError if the word or its phoneme can't be found."""
    (phonemes,) = _phonemizer()(sentence.text, "en-us")
    words = "".join(phonemes).split(" ")
    if len(words) != len(sentence.words) or sentence.slip.right not in words[sentence.word]:
        raise ValueError(f"{sentence.text!r} has the phonemes {words}")
    if is_wrong:
        words[sentence.word] = words[sentence.word].replace(*sentence.slip, 1)
    return list(" ".join(words))


def speech(sentence: Sentence, voice: str, speed: float, *, is_wrong: bool) -> Audio:
    """The sentence in that voice: float32 mono at 16 kHz."""
    phonemes = phonemes_of(sentence, is_wrong=is_wrong)
    name = hashlib.sha256(f"{voice} {speed} {''.join(phonemes)}".encode()).hexdigest()[:24]
    path = FOLDER / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        model, styles = _kokoro()
        spoken = np.concatenate([pcm for pcm, _ in model.speak(phonemes, styles[voice], speed).pieces])
        samples = soxr.resample(spoken, SAMPLE_RATE_HZ, ENGINE_RATE_HZ).astype(np.float32)
        np.save(path, np.concatenate([_SILENCE, samples, _SILENCE]))
    audio: Audio = np.load(path)
    return audio


def noisy(audio: Audio, snr_db: float | None) -> Audio:
    """`audio` with white noise. snr_db: how much louder the voice is; None: without noise."""
    if snr_db is None:
        return audio
    loudness = np.sqrt(np.mean(audio**2) / 10 ** (snr_db / 10))
    noise = np.random.default_rng(len(audio)).standard_normal(len(audio)) * loudness
    made: Audio = (audio + noise).astype(np.float32)
    return made


@cache
def _phonemizer() -> KokoroPhonemizer:
    return KokoroPhonemizer()


@cache
def _kokoro() -> tuple[KokoroModel, dict[str, NDArray[np.float32]]]:
    model, voices = fetch(KOKORO, TtsSettings().models_cache_dir)
    return KokoroModel(model), read_voices(voices)
