"""What a speech recognition engine is: float audio in, words with times out.

An engine blocks, so callers run it in a thread (see `recognition.decoder`). It is loaded once and closed once. It may
be asked to transcribe from several threads at once: as many as it was built for.
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
    """`text` is as the model writes it, with the blank before it where one is due: words join to the whole text.

    `start` and `end` in samples at 16 kHz; `confidence` 0 to 1.
    """

    text: str
    start: int
    end: int
    confidence: float


class Closing(NamedTuple):
    """What the model would write after the last word, 0 to 1 each.

    ends: a sentence's end, rather than any other text.
    comma: if more text, then a comma, after which a clause is complete, rather than the next word.
    """

    ends: float
    comma: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """Empty text: no words were heard. `language` is a BCP-47 tag, empty where the model does not say.

    `closing`: None if the model does not say, or not clearly.
    """

    text: str = ""
    words: tuple[Word, ...] = ()
    language: str = ""
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How to decode.

    language: BCP-47 tag, empty for the model's own choice; a tag that the model doesn't know is like empty.
    quality: "partial" is bounded in time, "final" as good as the model can.
    is_cancelled: asked now and then on long audio; once true, the rest is left undone.
    """

    language: str = ""
    quality: Quality = "final"
    is_cancelled: Callable[[], bool] = lambda: False


Request: TypeAlias = tuple[Audio, DecodeOptions]
"""What to decode, and how."""


class AsrEngine(Protocol):
    """One model in one process."""

    def load(self) -> None:
        """Load the weights, downloading them first if need be; raises EngineError if they can't be had."""
        ...

    def describe(self) -> EngineDescription:
        """What is (or will be) loaded; may be called at any time."""
        ...

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        """The words of `audio` (float32 mono at 16 kHz, -1 to 1, any length); raises EngineError if the model fails."""
        ...

    def close(self) -> None:
        """Release the weights."""
        ...


@runtime_checkable
class BatchingEngine(Protocol):
    """An AsrEngine that decodes several at once faster than one after the other."""

    def transcribe_batch(self, requests: Sequence[Request]) -> list[Transcript]:
        """What `transcribe` would answer to each, in the same order."""
        ...


def transcribe_all(engine: AsrEngine, requests: Sequence[Request]) -> list[Transcript]:
    """The words of each; as one batch if the engine can."""
    if len(requests) > 1 and isinstance(engine, BatchingEngine):
        return engine.transcribe_batch(requests)
    return [engine.transcribe(audio, options) for audio, options in requests]
