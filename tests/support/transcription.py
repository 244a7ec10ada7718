"""Recognises audio without the mesh, so that tests can compare the mesh's transcripts with these. Computes word error
rates."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray

from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions
from asr_service.engines.faster_whisper import FasterWhisper
from asr_service.engines.whisper_batch import ShortWindowWhisper
from asr_service.engines.whisper_models import find_bundled
from tests.support.audio import Samples, resampled


@cache
def bundled_whisper() -> Any:
    """A WhisperModel of faster-whisper: the bundled model, one thread."""
    from faster_whisper import WhisperModel

    return WhisperModel(str(find_bundled()), device="cpu", compute_type="int8", cpu_threads=1)


@cache
def engine() -> FasterWhisper:
    """The recognition service's engine with the bundled model. It takes 0.2 s of processor time for a sentence;
    faster-whisper by itself takes 0.7 s.

    The engine's measures against repetition are needed: without them, the model writes the last sentence two or three
    times in one of seven decodes of a short window. Tests of recognition itself compare it with `bundled_whisper`,
    which is faster-whisper unchanged.
    """
    whisper = ShortWindowWhisper(str(find_bundled()), device="cpu", compute_type="int8", cpu_threads=1)
    return FasterWhisper(AsrSettings(), whisper)


def transcribe(samples: Samples, rate_hz: int, whisper: Any = None) -> str:
    """What `whisper` (default: `engine`) understands of 16-bit mono samples, decoded in one piece."""
    at_16k: NDArray[np.float32] = resampled(samples, rate_hz, 16_000).astype(np.float32) / np.float32(32768)
    if whisper is None:
        return engine().transcribe(at_16k, DecodeOptions(language="en")).text
    segments, _ = whisper.transcribe(at_16k, language="en")
    return " ".join(segment.text.strip() for segment in segments)


def word_error_rate(said: str | list[str], understood: str | list[str]) -> float:
    """Wrong, missing and added words, as a share of the words said, over all texts. Case and punctuation don't
    count."""
    return float(jiwer.wer(_plain(said), _plain(understood)))


def _plain(texts: str | list[str]) -> list[str]:
    """The words of each text. A text without words becomes a dash, because jiwer accepts no empty text."""
    texts = [texts] if isinstance(texts, str) else texts
    return [" ".join(re.findall(r"[\w']+", text.lower().replace("’", "'"))) or "-" for text in texts]
