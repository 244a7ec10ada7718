"""A conversation for code without asyncio: `Conversation`, which runs an `AsyncConversation` in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from aitalk.client.address import DEFAULT_URL
from aitalk.client.conversation import AsyncConversation
from aitalk.client.events import Event
from aitalk.client.options import Level, Options, SessionKey
from anyio.from_thread import BlockingPortal, start_blocking_portal


class Conversation:
    """One conversation, with the methods of `AsyncConversation` except `ping`. Any thread may call them.

    Iterate over it for its events. `next_event` waits for one with a time-out.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        options: Options | None = None,
        resume: SessionKey | None = None,
    ) -> None:
        self._inner = AsyncConversation(url, token=token, options=options, resume=resume)
        self._stack = ExitStack()
        self._portal: BlockingPortal

    @property
    def key(self) -> SessionKey | None:
        """What resumes this conversation later."""
        return self._inner.key

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(self._portal.wrap_async_context_manager(self._inner))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Event]:
        while (event := self.next_event()) is not None:
            yield event

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None when the conversation is over. Raises TimeoutError, or the error that ended the
        conversation."""
        return self._portal.call(self._inner.next_event, timeout_s)

    def send_audio(self, frame: bytes) -> None:
        """Send what the microphone recorded."""
        self._portal.call(self._inner.send_audio, frame)

    def send_text(self, text: str) -> None:
        """Say something by typing it."""
        self._portal.call(self._inner.send_text, text)

    def set_level(self, level: Level) -> None:
        """Change how the partner speaks, from its next reply on."""
        self._portal.call(self._inner.set_level, level)

    def interrupt(self) -> None:
        """Stop the partner."""
        self._portal.call(self._inner.interrupt)

    def send_tool_result(self, call_id: str, output: str = "", *, confirmed: bool = False) -> None:
        """Answer a `ToolCall`."""
        self._portal.call(partial(self._inner.send_tool_result, call_id, output, confirmed=confirmed))

    def ask_for_hint(self) -> None:
        """Ask what the learner could say now."""
        self._portal.call(self._inner.ask_for_hint)

    def report_playback(self, turn_id: str, played_ms: float) -> None:
        """Report how much of the turn's audio has been played."""
        self._portal.call(self._inner.report_playback, turn_id, played_ms)

    def end(self) -> None:
        """End the conversation; the analysis follows."""
        self._portal.call(self._inner.end)
