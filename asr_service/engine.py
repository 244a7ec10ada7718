"""The interface of a speech recognition engine: float audio in, words with times out.

An engine blocks, so callers run it in a thread (see `recognition.decoder`). It is loaded once and closed once. Several
threads may call `transcribe` at once: as many as the engine was built for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from asr_service.audio import Audio
from common.engine_info import EngineDescription

Quality = Literal["partial", "final"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    text: as the model writes it, with a blank before it where one belongs, so that the joined words are the whole text.
    start, end: samples at 16 kHz. confidence: 0 to 1.
    """

    text: str
    start: int
    end: int
    confidence: float


class Expectation(NamedTuple):
    """The model's expectations after the last word, as probabilities from 0 to 1.

    ends: the probability that the sentence ends. comma: if the sentence goes on, the probability that a comma comes
    next rather than a word. A comma means that a clause is complete.
    """

    ends: float
    comma: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of a piece of audio; the text is empty if there were none.

    language: BCP-47 tag, empty if the model doesn't say. expectation: None if the model gives none, or no clear one.
    """

    text: str = ""
    words: tuple[Word, ...] = ()
    language: str = ""
    expectation: Expectation | None = None


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How to decode.

    language: BCP-47 tag. If it is empty or unknown to the model, the model chooses.
    translate: translate into English; raises InvalidInputError if the model can't.
    prompt: text before the audio, whose style the model imitates. An engine without prompts ignores it.
    context: the words before the audio in the same recording. An engine that can't use them ignores them.
    quality: "partial" takes a bounded time, "final" is as good as the model can do.
    is_cancelled: on long audio the engine calls it from time to time, and stops once it returns true.
    """

    language: str = ""
    quality: Quality = "final"
    is_cancelled: Callable[[], bool] = lambda: False
    translate: bool = False
    prompt: str = ""
    context: str = ""


Request: TypeAlias = tuple[Audio, DecodeOptions]
"""The audio to decode, and how."""


class AsrEngine(Protocol):
    """One model in one process."""

    def load(self) -> None:
        """Load the weights; download them first if they are not here. Raises EngineError if that fails."""
        ...

    def describe(self) -> EngineDescription:
        """The model and its device, loaded or not yet. May be called at any time."""
        ...

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        """The words of `audio` (float32 mono at 16 kHz, -1 to 1, any length). Raises EngineError if the model fails."""
        ...

    def close(self) -> None:
        """Release the weights."""
        ...


@runtime_checkable
class BatchingEngine(Protocol):
    """An AsrEngine that is faster if it decodes several pieces of audio together."""

    def transcribe_batch(self, requests: Sequence[Request]) -> list[Transcript]:
        """The answer of `transcribe` to each request, in the same order."""
        ...


def transcribe_all(engine: AsrEngine, requests: Sequence[Request]) -> list[Transcript]:
    """The transcript of each request, in the same order; as one batch if the engine can."""
    if len(requests) > 1 and isinstance(engine, BatchingEngine):
        return engine.transcribe_batch(requests)
    return [engine.transcribe(audio, options) for audio, options in requests]
