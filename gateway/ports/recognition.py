"""Speech recognition: the ports `Asr` and `Recordings`, and what comes from them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word that was recognised. Times are in samples since the start of the stream; confidence is 0 to 1."""

    text: str
    start_sample: int
    end_sample: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Slip:
    """A sound of a sentence in whose place another one was heard. word: its number among the words that white space
    separates. expected, heard: in IPA; heard: empty if the sound is missing."""

    word: int
    expected: str
    heard: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of one turn. start_sample and end_sample: where its voice began and ended in the stream.

    language: the language that was heard, a BCP-47 tag; empty if the model doesn't say. slips: only of a recording of
    an expected text.
    """

    text: str
    words: tuple[HeardWord, ...]
    start_sample: int
    end_sample: int
    language: str = ""
    slips: tuple[Slip, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A turn began. traceparent: identifies the turn's trace, if recognition has begun one; otherwise empty."""

    start_sample: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """The words so far. `stable_text` only grows within a turn; `unstable_text` follows it and may change."""

    stable_text: str
    unstable_text: str


@dataclass(frozen=True, slots=True)
class EagerEndOfTurn:
    """The learner is probably done."""

    transcript: Transcript


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The learner goes on speaking after `EagerEndOfTurn`."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The learner is done. The transcript's text is empty if there were no words.

    usual_pause_ms: how long this learner usually pauses within a turn; 0 if unknown.
    """

    transcript: Transcript
    usual_pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """The voice fell silent within the turn, perhaps only between two words."""

    end_sample: int


@dataclass(frozen=True, slots=True)
class VoiceContinued:
    """The voice goes on after `VoicePaused`."""

    start_sample: int


@dataclass(frozen=True, slots=True)
class VerbatimTranscript:
    """What the learner really said in an earlier turn, with mistakes and hesitation sounds. It comes only if its words
    differ from the turn's.

    transcript: has the start_sample and end_sample of the turn's `EndOfTurn`.
    """

    transcript: Transcript


AsrEvent = (
    SpeechStarted
    | Partial
    | EagerEndOfTurn
    | TurnResumed
    | EndOfTurn
    | VoicePaused
    | VoiceContinued
    | VerbatimTranscript
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long recognition waits in a pause before it ends the turn.

    factor: 1 is the service's default, 2 is twice as patient. usual_pause_ms: how long this learner usually pauses
    within a turn; 0 if unknown. end_silence_ms: if set, every silence of this length ends the turn, and the other
    fields have no effect.
    """

    factor: float = 1.0
    usual_pause_ms: int = 0
    end_silence_ms: int = 0


class AsrStream(Protocol):
    """One stream of recognition: audio goes in, events come out."""

    async def send(self, pcm: bytes) -> None:
        """Send audio; waits while the service is behind."""
        ...

    async def set_patience(self, patience: Patience) -> None:
        """Change the patience from now on."""
        ...

    async def finish(self) -> None:
        """No more audio follows. The events for the audio sent so far still come."""
        ...

    def __aiter__(self) -> AsyncIterator[AsrEvent]:
        """The events, until everything that was sent before `finish` has been recognised."""
        ...


class Asr(Protocol):
    """Speech recognition."""

    def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AbstractAsyncContextManager[AsrStream]:
        """A new stream. language: a BCP-47 tag."""
        ...


class Recordings(Protocol):
    """Recognition of recordings. It waits while learners' turns need the model."""

    async def recognize(
        self,
        pcm: bytes,
        *,
        sample_rate_hz: int,
        language: str = "",
        translate: bool = False,
        context: str = "",
        expected: str = "",
    ) -> Transcript:
        """The words in 16-bit mono PCM of at most 10 minutes. Times are in samples from its start.

        language: the expected language, a BCP-47 tag; empty: detected. translate: translate into English. context: the
        words before the audio in the same recording. expected: the sentence that the speaker was to say; the transcript
        then has its slips. Raises InvalidInputError if the model can't translate, BusyError
        if learners use all slots.
        """
        ...
