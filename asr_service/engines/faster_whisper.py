"""Whisper models by faster-whisper (CTranslate2), on CPU or GPU; the bundled default is one.

Whisper writes words where nobody speaks ("Thank you." for the noise of a fan), and repeats itself. Four measures help:
text is dropped if the model itself finds that there is probably no speech; the decode of a turn doesn't get the text of
the previous decode; the length of the audio bounds the number of tokens, so that a loop ends soon; and what is repeated
faster than anyone speaks is dropped. A piece of a recording does get the words before it. If the result is poor, the
piece is decoded again without them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import ctranslate2
from faster_whisper.transcribe import Segment

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, Expectation, Quality, Request, Transcript, Word
from asr_service.engines.whisper_batch import Piece, ShortWindowWhisper, decode_together
from asr_service.engines.whisper_language import (
    is_better,
    is_doubtful,
    is_worth_a_try,
    with_other_tags,
)
from asr_service.engines.whisper_models import BUNDLED, compute_type, fetch
from common.engine_info import EngineDescription
from common.errors import EngineError, InvalidInputError
from common.languages import WHISPER_CODES, base

logger = logging.getLogger(__name__)

_AT_THE_END = ENGINE_RATE_HZ // 5  # samples
_DOUBTFUL = 0.5
_SHORTEST = ENGINE_RATE_HZ // 10  # no word is shorter, and the alignment fails on shorter audio
_TOKENS_PER_SECOND = 12  # twice what the fastest learners need
_WINDOW = 30 * ENGINE_RATE_HZ
_LEAST_REPEATED = 3  # words; people repeat one or two of them quickly ("no, no")
_SHORTEST_WORD = ENGINE_RATE_HZ * 8 // 100  # samples; the mean of several words is longer even in the fastest speech
# there are no words if no_speech_prob is above the first and avg_logprob below the second
_NO_SPEECH, _UNSURE = 0.6, -0.8
_MARKS = frozenset(
    "\"'.。,，!！?？:：”)]}、;；%‰°"
)  # each belongs to the word before it; the library's own list lacks the last five
_SIGNS = frozenset(("&", "+", "="))  # these are words, although they have no letter
_REPETITIVE = 2.4  # a text with a higher compression ratio repeats itself; OpenAI's code has the same bound

_DECODING: dict[Quality, dict[str, Any]] = {
    # A single pass without a second try, because a late partial is worth nothing.
    "partial": {"beam_size": 1, "temperature": 0.0},
    "final": {"beam_size": 1, "best_of": 1, "temperature": (0.0, 0.4)},
}


class FasterWhisper:
    """An AsrEngine and a BatchingEngine; see `asr_service.engine`.

    model: a loaded one, for tests. setting: the setting that names the model, for the messages of errors.
    """

    def __init__(
        self, settings: AsrSettings, model: ShortWindowWhisper | None = None, *, setting: str = "ASR_MODEL_NAME"
    ) -> None:
        self._settings = settings
        self._setting = setting
        self._model = model
        device = _best_device() if settings.asr_device in ("", "auto") else settings.asr_device
        self._device, _, index = device.partition(":")
        self._index = int(index or 0)

    def fetch(self) -> Path:
        """The folder with the weights, downloaded if they are not here. Raises EngineError if that fails."""
        return fetch(self._settings, self._setting)

    def load(self) -> None:
        settings = self._settings
        folder = self.fetch()
        cores = len(os.sched_getaffinity(0))
        try:
            self._model = ShortWindowWhisper(
                str(folder),
                device=self._device,
                device_index=self._index,
                compute_type=self._dtype(),
                # Leave one core to other work. With a second thread on two cores, four learners waited 25 % longer for
                # their answers.
                cpu_threads=max(1, min(8, (cores - 1) // settings.asr_threads)),
                num_workers=settings.asr_threads,
            )
        except (ValueError, RuntimeError, OSError) as error:
            model = settings.asr_model_name or BUNDLED
            raise EngineError(f"{self._setting}={model} can't be loaded on {self._device}: {error}") from error
        self._model.continuations  # noqa: B018  computed now rather than at the end of the first turn

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="faster-whisper",
            model=self._settings.asr_model_name or BUNDLED,
            device=f"cuda:{self._index}" if self._device == "cuda" else self._device,
            dtype=str(self._model.model.compute_type) if self._model else "",
            languages=with_other_tags(self._model.supported_languages) if self._model else (),
        )

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        return self.transcribe_batch([(audio, options)])[0]

    def transcribe_batch(self, requests: Sequence[Request]) -> list[Transcript]:
        """One transcript for each request, in the same order. The library decodes what `whisper_batch` can't."""
        if not self._loaded.model.is_multilingual and any(options.translate for _, options in requests):
            raise InvalidInputError(
                f"{self.describe().model} knows English only and can't translate; set ASR_MODEL_NAME to a multilingual "
                "Whisper, such as openai/whisper-small"
            )
        alike: dict[tuple[str | None, bool], list[int]] = {}
        for index, (audio, options) in enumerate(requests):
            if len(audio) >= _SHORTEST and not (options.is_cancelled() or options.translate or options.prompt):
                key = self._batch_language(options.language), bool(options.context)
                alike.setdefault(key, []).append(index)
        answers: dict[int, Transcript] = {}
        for (language, _), indices in alike.items():
            if language is not None:
                answers |= self._together(requests, indices, language)
        return [answers.get(index) or self._alone(*request) for index, request in enumerate(requests)]

    @property
    def _loaded(self) -> ShortWindowWhisper:
        """The model. Raises EngineError if it is not loaded."""
        if self._model is None:
            raise EngineError("the speech recognition model is not loaded")
        return self._model

    def _together(self, requests: Sequence[Request], indices: Sequence[int], language: str) -> dict[int, Transcript]:
        """The transcripts of the requests at `indices`, by index, decoded in one language. Those that need a second try
        are left out."""
        pieces = [
            Piece(audio, _most_tokens(audio), once=options.quality == "partial", context=options.context)
            for audio, options in (requests[index] for index in indices)
        ]
        try:
            decoded = decode_together(self._loaded, pieces, language)
        except RuntimeError as error:
            raise EngineError(f"the speech recognition model failed on {self._device}: {error}") from error
        return {
            index: _transcript(piece.segments, *requests[index], language, piece.expectation)
            for index, piece in zip(indices, decoded, strict=True)
            if piece is not None and not self._is_doubtful(piece.segments, requests[index][1])
        }

    def _alone(self, audio: Audio, options: DecodeOptions) -> Transcript:
        """Decode with the library. It handles several windows and retries a poor pass, but gives no Expectation."""
        if len(audio) < _SHORTEST or options.is_cancelled():
            return Transcript()
        asked = self._known_language(options.language)
        try:
            segments, language = self._decode(audio, options, asked)
            if asked and self._is_doubtful(segments, options):
                segments, language = self._in_the_language_heard(audio, options, segments, asked)
        except RuntimeError as error:
            raise EngineError(f"the speech recognition model failed on {self._device}: {error}") from error
        return _transcript(segments, audio, options, language)

    def _decode(self, audio: Audio, options: DecodeOptions, language: str | None) -> tuple[list[Segment], str]:
        """The segments up to a cancellation, and their language. language: None lets the model detect it."""
        segments, info = self._loaded.transcribe(
            audio,
            language=language,
            task="translate" if options.translate else "transcribe",
            condition_on_previous_text=False,
            initial_prompt=options.prompt or None,
            without_timestamps=bool(options.prompt),  # otherwise the model often ends its text at the first hesitation
            word_timestamps=True,
            # Get punctuation marks as words of their own; said_in appends them. In audio longer than a window the
            # library must append them, because it finds the next window by the end of the last word.
            **({"append_punctuations": ""} if len(audio) <= _WINDOW else {}),
            max_new_tokens=_most_tokens(audio),
            **_DECODING[options.quality],
        )
        decoded = list(takewhile(lambda _: not options.is_cancelled(), segments))  # runs the model, 30 s at a time
        return decoded, info.language

    def _is_doubtful(self, segments: Sequence[Segment], options: DecodeOptions) -> bool:
        """Whether the speech may be in another language. There is no time to find that out for a partial."""
        return options.quality == "final" and self._loaded.model.is_multilingual and is_doubtful(segments)

    def _in_the_language_heard(
        self, audio: Audio, options: DecodeOptions, segments: list[Segment], asked: str
    ) -> tuple[list[Segment], str]:
        """The given segments, or new ones in the language that the model hears; whichever are better."""
        heard, probability, _ = self._loaded.detect_language(audio=audio)
        if options.is_cancelled() or not is_worth_a_try(asked, heard, probability):
            return segments, asked
        again, _ = self._decode(audio, options, heard)
        return (again, heard) if is_better(again, segments) else (segments, asked)

    def _batch_language(self, tag: str) -> str | None:
        """The language in which a batch is decoded; None if the model has to detect it for each request."""
        return self._known_language(tag) if self._loaded.model.is_multilingual else "en"

    def close(self) -> None:
        self._model = None

    def _known_language(self, tag: str) -> str | None:
        """Whisper's code for a BCP-47 tag; None (the model detects the language) for an unknown tag."""
        plain = base(tag)
        language = WHISPER_CODES.get(plain, plain)
        return language if language in self._loaded.supported_languages else None

    def _dtype(self) -> str:
        wanted = self._settings.asr_dtype
        taken = compute_type(wanted, ctranslate2.get_supported_compute_types(self._device, self._index))
        if taken != wanted:
            logger.info("ASR_DTYPE=%s is not supported on this %s; using %s", wanted, self._device, taken)
        return taken


def _best_device() -> str:
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def without_invented_end(words: list[Word], end: int) -> list[Word]:
    """The words without those that Whisper invents in the silence after the last real one: "I will see you guys next
    time."

    Most invented words have no length and lie in the last 0.2 s of the audio (`end`: its length in samples). Words of
    low confidence just before them are invented, too.
    """
    kept = list(words)
    while kept and kept[-1].start == kept[-1].end and kept[-1].start >= end - _AT_THE_END:
        kept.pop()
    while len(kept) < len(words) and kept and kept[-1].confidence < _DOUBTFUL:
        kept.pop()
    return kept


def without_repetition(words: list[Word]) -> list[Word]:
    """The words without the end in which Whisper says the same once more ("I went home. I went home.").

    The alignment finds no sound for such words, so they come faster than anyone speaks. What a learner repeats takes
    its time, and is kept.
    """
    said = ["".join(filter(str.isalnum, word.text)).lower() for word in words]
    for period in range(_LEAST_REPEATED, len(words) - _LEAST_REPEATED + 1):
        begin = len(words)
        while begin > period and said[begin - 1] == said[begin - 1 - period]:
            begin -= 1
        repeated = words[begin:]
        if len(repeated) >= _LEAST_REPEATED and (repeated[-1].end - repeated[0].start < _SHORTEST_WORD * len(repeated)):
            return words[:begin]
    return words


def _most_tokens(audio: Audio) -> int:
    return min(224, 16 + _TOKENS_PER_SECOND * len(audio) // ENGINE_RATE_HZ)


def _transcript(
    segments: Iterable[Segment],
    audio: Audio,
    options: DecodeOptions,
    language: str,
    expectation: Expectation | None = None,
) -> Transcript:
    words = [word for segment in segments for word in said_in(segment, options.quality)]
    kept = without_repetition(without_invented_end(words, len(audio)))
    text = "".join(word.text for word in kept).strip()
    return Transcript(text, tuple(kept), language if text else "", expectation if len(kept) == len(words) else None)


def said_in(segment: Segment, quality: Quality) -> list[Word]:
    """The words of a segment, each with the marks that follow it. Times in samples at 16 kHz."""
    words: list[Word] = []
    if segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _UNSURE:
        return words
    # A repetitive final transcript is kept, because the library has already decoded it a second time.
    if quality == "partial" and segment.compression_ratio > _REPETITIVE:
        return words
    for part in segment.words or ():
        probability = min(1.0, max(0.0, float(part.probability)))
        if any(c.isalnum() for c in part.word) or part.word.strip() in _SIGNS:
            start, end = round(part.start * ENGINE_RATE_HZ), round(part.end * ENGINE_RATE_HZ)
            words.append(Word(part.word, start, end, probability))
        elif words and part.word in _MARKS:  # " ." is what Whisper writes for silence
            words[-1] = replace(words[-1], text=words[-1].text + part.word)
    return words
