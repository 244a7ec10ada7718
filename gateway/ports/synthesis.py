"""Speech synthesis: the port `Tts`, and what comes from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of a reply: its position in the reply's text, in characters, and its time, in samples since the reply's
    start."""

    text: str
    text_start: int
    text_end: int
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of speech that voices the characters [text_start, text_end) of the reply.

    start_sample: counted from the start of the reply. timing_estimated: the times of `words` are estimated from the
    text and do not come from the engine.
    """

    pcm: bytes
    start_sample: int
    text_start: int
    text_end: int
    words: tuple[SpokenWord, ...]
    timing_estimated: bool


class TtsStream(Protocol):
    """The synthesis of one reply: text goes in, speech comes out. It pauses while nobody reads the speech."""

    async def send_text(self, text: str) -> None:
        """Send the next piece of the reply's text, cut anywhere."""
        ...

    async def finish(self) -> None:
        """No more text follows. The speech for the text sent so far still comes."""
        ...

    def __aiter__(self) -> AsyncIterator[SpeechChunk]:
        """The speech, in order, until all text that was sent before `finish` has been spoken."""
        ...


class Tts(Protocol):
    """Speech synthesis."""

    def open(
        self, *, sample_rate_hz: int, voice: str, speed: float, language: str
    ) -> AbstractAsyncContextManager[TtsStream]:
        """A new stream. voice: empty for the default one. speed: 1 is the voice's own. language: a BCP-47 tag."""
        ...
