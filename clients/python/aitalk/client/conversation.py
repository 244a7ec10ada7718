"""A conversation with the partner, over WebSockets: `AsyncConversation`.

    async with AsyncConversation("http://localhost:8000") as conversation:
        await conversation.send_text("Good morning!")
        async for event in conversation:
            ...

`connection` keeps the WebSocket, and `link` decides what is sent over it.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import anyio
from aitalk.client.address import DEFAULT_URL, http_url
from aitalk.client.connection import Connection
from aitalk.client.events import Event
from aitalk.client.link import Link, encoded
from aitalk.client.options import Level, Options, SessionKey
from anyio.streams.memory import MemoryObjectReceiveStream

EVENTS_AHEAD = 256  # unread events; then the gateway waits for the application


class AsyncConversation:
    """One conversation. Iterate over it for its events; they end with the conversation.

    url: the gateway's address. token: for a gateway that requires one. resume: the `key` of an earlier conversation,
    to continue it. If the conversation can't begin, `async with` raises ServerAwayError, UnauthorizedError, BusyError,
    RefusedError or another AiTalkError. If the conversation breaks off, iterating raises ConversationOverError or
    another AiTalkError.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        options: Options | None = None,
        resume: SessionKey | None = None,
    ) -> None:
        address = http_url(url)
        self._link = Link(address, options or Options(), resume, with_token=token is not None)
        self._connection = Connection(address, token, self._link)
        self._task: asyncio.Task[None]
        self._events: MemoryObjectReceiveStream[Event]

    @property
    def key(self) -> SessionKey | None:
        """What resumes this conversation later; None before it has begun."""
        return self._link.key

    async def __aenter__(self) -> Self:
        sender, self._events = anyio.create_memory_object_stream[Event](EVENTS_AHEAD)
        self._task = asyncio.create_task(self._connection.run(sender))
        try:
            await self._connection.begun.wait()
        except asyncio.CancelledError:
            await self._close()
            raise
        if self._connection.error:
            await self._close()
            raise self._connection.error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._close()

    async def _close(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._events.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self.next_event()
        if event is None:
            raise StopAsyncIteration
        return event

    async def next_event(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None when the conversation is over. Raises TimeoutError, or the error that ended the
        conversation."""
        try:
            with anyio.fail_after(timeout_s):
                return await self._events.receive()
        except anyio.EndOfStream:
            if self._connection.error:
                raise self._connection.error from None
            return None

    async def send_audio(self, frame: bytes) -> None:
        """Send what the microphone recorded, in the format that the options announced. While the connection is broken,
        the frame is kept."""
        await self._connection.send_audio(frame)

    async def send_text(self, text: str) -> None:
        """Say something by typing it; 1 to 4000 characters."""
        await self._connection.send(encoded("text", text=text))
        self._link.unanswered = text

    async def set_level(self, level: Level) -> None:
        """Change how the partner speaks, from its next reply on."""
        await self._connection.send(encoded("set_level", level=level))

    async def interrupt(self) -> None:
        """Stop the partner. `Interrupted` follows if there was something to stop."""
        await self._connection.send(encoded("interrupt"))

    async def send_tool_result(self, call_id: str, output: str = "", *, confirmed: bool = False) -> None:
        """Answer a `ToolCall`. output: the result for the language model, or what went wrong. confirmed: whether the
        learner allows a call with `confirm`."""
        await self._connection.send(encoded("tool_result", call_id=call_id, output=output, confirmed=confirmed))

    async def ask_for_hint(self) -> None:
        """Ask what the learner could say now. A `Hint` follows."""
        await self._connection.send(encoded("hint"))

    async def ping(self) -> None:
        """Ask whether the gateway still answers. A `Pong` follows."""
        await self._connection.send(encoded("ping"))

    async def report_playback(self, turn_id: str, played_ms: float) -> None:
        """Report how much of the turn's audio has been played, every 100 to 200 ms while something plays."""
        await self._connection.send_now(encoded("playback", turn_id=turn_id, played_ms=played_ms))

    async def end(self) -> None:
        """End the conversation. `AnalysisProgress` and `Analysis` follow, within three minutes."""
        await self._connection.send(encoded("end_conversation"))
        self._link.ending = True
