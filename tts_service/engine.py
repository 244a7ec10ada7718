"""The interface of a speech engine. The engines are in `engines/`; they know nothing of gRPC, chunks or resampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from common.engine_info import EngineDescription


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """A voice. `language` is a BCP-47 tag; the engine makes its audio at `sample_rate_hz`.

    whole_sentences: whether the voice speaks single phrases badly. Then no sentence is cut at a comma to begin sooner.
    """

    id: str
    name: str
    language: str
    sample_rate_hz: int
    whole_sentences: bool = False


@dataclass(frozen=True, slots=True)
class EngineWord:
    """A word: characters [text_start, text_end) of the given text, samples [start_sample, end_sample) of the piece."""

    text_start: int
    text_end: int
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class EngineAudio:
    """A piece of speech, usually a sentence, with the words that begin in it, in order.

    pcm: float32 in [-1, 1], mono, shape (samples,), at the voice's rate. The first piece of a text begins in silence,
    and the last one ends in silence. words: None if the engine doesn't know them; then the piece must contain the whole
    text. timing_estimated: the times are a guess, at least partly.
    """

    pcm: NDArray[np.float32]
    words: tuple[EngineWord, ...] | None
    timing_estimated: bool = False


class TtsEngine(Protocol):
    """A model that speaks. All methods block and are called from worker threads, `synthesize` from several at once."""

    def load(self) -> None:
        """Load the model. Raises EngineError, which says what to do, if that fails."""
        ...

    def describe(self) -> EngineDescription:
        """The model and its device. May be called before `load`."""
        ...

    def voices(self) -> Sequence[EngineVoice]:
        """The voices: at least one after `load`; the first is the default."""
        ...

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        """Speak `text`, piece by piece. Closing the iterator ends the work. speed: 0.5 to 2; 1 is the voice's own."""
        ...

    def close(self) -> None:
        """Release the model."""
        ...
