"""The interface of engines that take text as it arrives, word by word. With them, prosody extends across clauses, and
the first sound does not wait for the end of the first clause. This is an optional capability in addition to TtsEngine;
`streaming(engine)` finds it.

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
    """One reply being spoken. Only `next` may take some time (a step of the model), and it never waits for text."""

    def push(self, text: str) -> None:
        """Add text: whole words, each with the space after it."""
        ...

    def finish(self) -> None:
        """There is no more text."""
        ...

    def next(self) -> EngineAudio | None:
        """The next piece, which may be empty. None: more text is needed or, after finish(), everything has been said.

        A piece names the words that begin in it, with their places in the whole text that was pushed.
        """
        ...

    def close(self) -> None:
        """End the work, even in the middle of the text. May be called twice."""
        ...


@runtime_checkable
class StreamingTextEngine(Protocol):
    """A TtsEngine that can also take text as it arrives."""

    def start(self, *, voice: EngineVoice, speed: float, language: str) -> SpeechStream:
        """Begin a reply. Raises BusyError if the model has no room for another one."""
        ...


@runtime_checkable
class StreamingWrapper(Protocol):
    """A TtsEngine around another one, which may be a StreamingTextEngine."""

    def streaming(self) -> StreamingTextEngine | None:
        """The engine that takes text as it arrives; None if the inner engine can't do that."""
        ...


def streaming(engine: TtsEngine) -> StreamingTextEngine | None:
    """The engine that takes text as it arrives: `engine` itself, or one inside it; None if there is none."""
    if isinstance(engine, StreamingWrapper):
        return engine.streaming()
    return engine if isinstance(engine, StreamingTextEngine) else None
