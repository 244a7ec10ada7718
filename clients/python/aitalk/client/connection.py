"""The connection of one conversation, which is replaced if it breaks.

Until there is a new connection, the audio to send is kept, up to ten seconds. Reports of playback are dropped, and
other messages wait.
"""

from __future__ import annotations

import asyncio
import contextlib

from aitalk.client.address import websocket_url
from aitalk.client.errors import AiTalkError, ConversationOverError, ServerAwayError, UnauthorizedError
from aitalk.client.events import AiAudioStart, Audio, ConnectionLost, Event, Queued, read_message
from aitalk.client.held_audio import HeldAudio
from aitalk.client.link import Link, Over, Phase, Retry
from anyio.streams.memory import MemoryObjectSendStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

OPEN_WITHIN_S = 10.0
MOVED_WITHIN_S = 10.0
MAX_MESSAGE_BYTES = 16 * 2**20


class Connection:
    """Sends and receives for one conversation; `run` it as a task.

    url: the gateway's address. link: says what to send, and when to connect again. begun: set when the conversation has
    begun or waits in the queue, or has failed before that. error: why the conversation broke off.
    """

    def __init__(self, url: str, token: str | None, link: Link) -> None:
        self.begun = asyncio.Event()
        self.error: AiTalkError | None = None
        self._url = url
        self._token = token
        self._link = link
        self._held = HeldAudio()
        self._audio: AiAudioStart | None = None
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()  # also set when the conversation is over
        self._over = False
        self._reason = ""

    async def run(self, events: MemoryObjectSendStream[Event]) -> None:
        """Connect, again and again, until the conversation is over. Then `events` ends."""
        try:
            while isinstance(outcome := await self._connect_once(events), Retry):
                await events.send(ConnectionLost(self._reason, outcome.seconds))
                await asyncio.sleep(outcome.seconds)
        except AiTalkError as error:
            self.error = error
        finally:
            self._over = True
            self.begun.set()
            self._ready.set()
            events.close()

    async def send(self, message: str) -> None:
        """Send the message, if need be over the next connection. Raises the error that ended the conversation."""
        while True:
            await self._ready.wait()
            if self.error:
                raise self.error
            if self._over or self._socket is None:
                raise ConversationOverError("the conversation is over; begin a new one")
            try:
                return await self._socket.send(message)
            except ConnectionClosed:
                self._ready.clear()

    async def send_audio(self, frame: bytes) -> None:
        """Send the frame. While the connection is broken, keep it."""
        if self._socket is None or not self._link.ready:
            self._held.hold(frame)
            return
        self._held.sent(frame)
        with contextlib.suppress(ConnectionClosed):  # the next connection may send this frame again
            await self._socket.send(frame)

    async def send_now(self, message: str) -> None:
        """Send a message that only this connection can use. While the connection is broken, drop it."""
        if self._socket is None or not self._link.ready:
            return
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(message)

    async def _connect_once(self, events: MemoryObjectSendStream[Event]) -> Retry | Over:
        """One connection, from its opening to its end."""
        self._reason = "the connection broke"
        try:
            opened = await self._open()
        except ServerAwayError as error:
            if not self.begun.is_set():
                raise
            self._reason = str(error)
            return self._link.lost(0, self._reason)
        async with opened as self._socket:
            try:
                await self._read(self._socket, events)
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

    async def _read(self, socket: ClientConnection, events: MemoryObjectSendStream[Event]) -> None:
        async with asyncio.timeout(None) as limit:
            async for frame in socket:
                event = self._event(frame)
                await self._follow(socket, event)
                await events.send(event)
                if self._link.phase is Phase.MOVING and limit.when() is None:
                    limit.reschedule(asyncio.get_running_loop().time() + MOVED_WITHIN_S)
                if self._link.resume_failed:
                    return

    async def _follow(self, socket: ClientConnection, event: Event) -> None:
        """Send what the event asks for."""
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
            self.begun.set()

    def _event(self, frame: str | bytes) -> Event:
        if isinstance(frame, str):
            event = read_message(frame)
            if isinstance(event, AiAudioStart):
                self._audio = event
            return event
        start = self._audio or AiAudioStart(0, "")
        return Audio(start.turn_id, start.sample_rate, frame)
