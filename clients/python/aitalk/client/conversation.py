"""A conversation with the partner, over WebSockets: `AsyncConversation`.

    async with AsyncConversation("http://localhost:8000") as conversation:
        await conversation.send_text("Good morning!")
        async for event in conversation:
            ...

A separate task reads from the connection, and replaces a broken one. Until there is a new connection, the audio to send
is kept, up to ten seconds, and other messages wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import anyio
from aitalk.client.address import DEFAULT_URL, http_url, websocket_url
from aitalk.client.errors import AiTalkError, ConversationOverError, ServerAwayError, UnauthorizedError
from aitalk.client.events import AiAudioStart, Audio, ConnectionLost, Event, Queued, read_message
from aitalk.client.held_audio import HeldAudio
from aitalk.client.link import Link, Over, Phase, Retry, encoded
from aitalk.client.options import Level, Options, SessionKey
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

OPEN_WITHIN_S = 10.0
MOVED_WITHIN_S = 10.0
MAX_MESSAGE_BYTES = 16 * 2**20
EVENTS_AHEAD = 256  # unread events; then the gateway waits for the application


class AsyncConversation:
    """One conversation. Iterate over it for its events; they end with the conversation.

    url: the gateway's address. token: for a gateway that requires one. resume: the `key` of an earlier conversation,
    to continue it. `async with` raises ServerAwayError, UnauthorizedError, BusyError or RefusedError. Iterating raises
    ConversationOverError or another AiTalkError if the conversation breaks off.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        options: Options | None = None,
        resume: SessionKey | None = None,
    ) -> None:
        self._url = http_url(url)
        self._token = token
        self._link = Link(self._url, options or Options(), resume, with_token=token is not None)
        self._held = HeldAudio()
        self._audio: AiAudioStart | None = None
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()  # also set when the conversation is over
        self._begun = asyncio.Event()  # the gateway's first answer has come, or none will come
        self._error: AiTalkError | None = None
        self._over = False
        self._reason = ""
        self._task: asyncio.Task[None]
        self._sender: MemoryObjectSendStream[Event]
        self._events: MemoryObjectReceiveStream[Event]

    @property
    def key(self) -> SessionKey | None:
        """What resumes this conversation later; None before it has begun."""
        return self._link.key

    async def __aenter__(self) -> Self:
        self._sender, self._events = anyio.create_memory_object_stream[Event](EVENTS_AHEAD)
        self._task = asyncio.create_task(self._run())
        try:
            await self._begun.wait()
        except asyncio.CancelledError:
            await self._close()
            raise
        if self._error:
            await self._close()
            raise self._error
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
        """The next event; None when the conversation is over. Raises TimeoutError, and the error that ended it."""
        try:
            with anyio.fail_after(timeout_s):
                return await self._events.receive()
        except anyio.EndOfStream:
            if self._error:
                raise self._error from None
            return None

    async def send_audio(self, frame: bytes) -> None:
        """Send what the microphone recorded, in the format that the options announced. While the connection is broken,
        the frame is kept."""
        if self._socket is None or not self._link.ready:
            self._held.hold(frame)
            return
        self._held.sent(frame)
        with contextlib.suppress(ConnectionClosed):  # the next connection may send this frame again
            await self._socket.send(frame)

    async def send_text(self, text: str) -> None:
        """Say something by typing it; 1 to 4000 characters."""
        await self._send(encoded("text", text=text))
        self._link.unanswered = text

    async def set_level(self, level: Level) -> None:
        """Change how the partner speaks, from its next reply on."""
        await self._send(encoded("set_level", level=level))

    async def interrupt(self) -> None:
        """Stop the partner. `Interrupted` follows if there was something to stop."""
        await self._send(encoded("interrupt"))

    async def send_tool_result(self, call_id: str, output: str = "", *, confirmed: bool = False) -> None:
        """Answer a `ToolCall`. output: the result for the language model, or what went wrong. confirmed: whether the
        learner allows a call with `confirm`."""
        await self._send(encoded("tool_result", call_id=call_id, output=output, confirmed=confirmed))

    async def ask_for_hint(self) -> None:
        """Ask what the learner could say now. A `Hint` follows."""
        await self._send(encoded("hint"))

    async def ping(self) -> None:
        """Ask whether the gateway still answers. A `Pong` follows."""
        await self._send(encoded("ping"))

    async def report_playback(self, turn_id: str, played_ms: float) -> None:
        """Report how much of the turn's audio has been played, every 100 to 200 ms while something plays."""
        if self._socket is None or not self._link.ready:
            return
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(encoded("playback", turn_id=turn_id, played_ms=played_ms))

    async def end(self) -> None:
        """End the conversation. `AnalysisProgress` and `Analysis` follow, within three minutes."""
        await self._send(encoded("end_conversation"))
        self._link.ending = True

    async def _send(self, message: str) -> None:
        """Send the message, or keep it for the next connection. Raises the error that ended the conversation."""
        while True:
            await self._ready.wait()
            if self._error:
                raise self._error
            if self._over or self._socket is None:
                raise ConversationOverError("the conversation is over; begin a new one")
            try:
                return await self._socket.send(message)
            except ConnectionClosed:
                self._ready.clear()

    # --- the task that owns the connection

    async def _run(self) -> None:
        try:
            while isinstance(outcome := await self._connection(), Retry):
                await self._sender.send(ConnectionLost(self._reason, outcome.seconds))
                await asyncio.sleep(outcome.seconds)
        except AiTalkError as error:
            self._error = error
        finally:
            self._over = True
            self._begun.set()
            self._ready.set()
            self._sender.close()

    async def _connection(self) -> Retry | Over:
        """One connection, from its opening to its end."""
        self._reason = "the connection broke"
        try:
            opened = await self._open()
        except ServerAwayError as error:
            if not self._begun.is_set():
                raise
            self._reason = str(error)
            return self._link.lost(0, self._reason)
        async with opened as self._socket:
            try:
                await self._read(self._socket)
            except (ConnectionClosed, TimeoutError):
                pass
            finally:
                self._ready.clear()
                socket, self._socket = self._socket, None
                self._held.connection_ended(hearing=self._link.hearing)
        self._reason = socket.close_reason or self._reason
        return self._link.lost(socket.close_code or 0, socket.close_reason or "")

    async def _open(self) -> ClientConnection:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            return await connect(
                websocket_url(self._url, self._link.query),
                additional_headers=headers,
                compression=None,  # audio doesn't compress
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=OPEN_WITHIN_S,
            )
        except InvalidStatus as refused:
            status = refused.response.status_code
            if status in (401, 403):
                raise UnauthorizedError.at(self._url, with_token=self._token is not None) from refused
            raise ServerAwayError.at(self._url, f"HTTP status {status}, and no WebSocket") from refused
        except (InvalidHandshake, InvalidURI, OSError, TimeoutError, EOFError) as error:
            raise ServerAwayError.at(self._url, str(error) or type(error).__name__) from error

    async def _read(self, socket: ClientConnection) -> None:
        async with asyncio.timeout(None) as limit:
            async for frame in socket:
                await self._received(socket, frame)
                if self._link.phase is Phase.MOVING and limit.when() is None:
                    limit.reschedule(asyncio.get_running_loop().time() + MOVED_WITHIN_S)
                if self._link.resume_failed:
                    return

    async def _received(self, socket: ClientConnection, frame: str | bytes) -> None:
        event = self._event(frame)
        for message in self._link.received(event):
            await socket.send(message)
        if not self._link.ready:
            self._ready.clear()
        elif not self._ready.is_set():
            for held in self._held.take():
                self._held.sent(held)
                await socket.send(held)
            self._ready.set()
        if self._link.ready or isinstance(event, Queued):
            self._begun.set()
        await self._sender.send(event)

    def _event(self, frame: str | bytes) -> Event:
        if isinstance(frame, str):
            event = read_message(frame)
            if isinstance(event, AiAudioStart):
                self._audio = event
            return event
        start = self._audio or AiAudioStart(0, "")
        return Audio(start.turn_id, start.sample_rate, frame)
