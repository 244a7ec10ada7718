"""For engines that take text as it comes, word by word, so that prosody runs across clauses and the first sound does
not wait for the first clause. An optional capability beside TtsEngine; `streaming(engine)` finds it.

    stream = engine.start(voice=…, speed=1.0, language="")
    stream.push("Well, I ")  → stream.next() is None: not enough text yet
    stream.push("think ")    → stream.next() is a piece; again and again, until it is None
    stream.finish()          → stream.next() is a piece; again and again, until it is None: all is said
    stream.close()
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from tts_service.engine import EngineAudio, EngineVoice, TtsEngine


class SpeechStream(Protocol):
    """One reply being spoken. Only `next` may take a while (a step of the model), and never waits for text."""

    def push(self, text: str) -> None:
        """The next of the text: whole words, the space after them included."""
        ...

    def finish(self) -> None:
        """There is no more text."""
        ...

    def next(self) -> EngineAudio | None:
        """The next piece, perhaps empty as yet; None if there is none without more text or, after finish(), at all.

        Words are told in the piece in which they begin, with their places in all of the text pushed.
        """
        ...

    def close(self) -> None:
        """End the work, wherever it is. May be called twice."""
        ...


@runtime_checkable
class StreamingTextEngine(Protocol):
    """A TtsEngine that can also do this."""

    def start(self, *, voice: EngineVoice, speed: float, language: str) -> SpeechStream:
        """A new reply; raises BusyError if the model speaks as many already as it can."""
        ...


@runtime_checkable
class StreamingWrapper(Protocol):
    """A TtsEngine around another one, which may be able to do it or not."""

    def streaming(self) -> StreamingTextEngine | None:
        """What takes text as it comes, if the engine inside can."""
        ...


def streaming(engine: TtsEngine) -> StreamingTextEngine | None:
    """What takes text as it comes: `engine`, or something of the engine inside it; None if it can't."""
    if isinstance(engine, StreamingWrapper):
        return engine.streaming()
    return engine if isinstance(engine, StreamingTextEngine) else None
