"""A learner for tests: a WebSocket client that sends speech and keeps what it receives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Message = dict[str, Any]


class Learner:
    """One connection. `messages` holds what was received, in order; audio is {"type": "audio", "pcm": bytes}."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[Message] = []
        self.closed: tuple[int, str] | None = None
        self._changed = asyncio.Event()

    async def read(self) -> None:
        """Collect messages until the connection closes."""
        try:
            async for frame in self.socket:
                message = {"type": "audio", "pcm": frame} if isinstance(frame, bytes) else json.loads(frame)
                self.messages.append(message)
                self._changed.set()
        except ConnectionClosed:
            pass
        self.closed = (self.socket.close_code or 0, self.socket.close_reason or "")
        self._changed.set()

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def send_audio(self, chunks: list[bytes], *, pause_s: float = 0.0) -> None:
        """Send audio frames, with pause_s between them (0: as fast as the gateway takes them)."""
        for chunk in chunks:
            await self.socket.send(chunk)
            if pause_s:
                await asyncio.sleep(pause_s)

    async def wait_for(
        self, kind: str, *, after: int = 0, timeout_s: float = 30.0, where: Callable[[Message], bool] = lambda _: True
    ) -> Message:
        """Wait for a message of type `kind`, at index `after` or later, that satisfies `where`."""
        async with asyncio.timeout(timeout_s):
            while True:
                for message in self.messages[after:]:
                    if message["type"] == kind and where(message):
                        return message
                if self.closed is not None:
                    raise AssertionError(f"closed with {self.closed} before {kind!r}; got {self.kinds()}")
                self._changed.clear()
                await self._changed.wait()

    async def wait_closed(self, timeout_s: float = 30.0) -> tuple[int, str]:
        """Wait until the connection is closed; returns (code, reason) of the close frame."""
        async with asyncio.timeout(timeout_s):
            while self.closed is None:
                self._changed.clear()
                await self._changed.wait()
        return self.closed

    async def hear_reply(self, *, after: int = 0, timeout_s: float = 60.0) -> tuple[str, bytes, Message]:
        """Wait for a whole reply, and report at once that it was played. Returns its text, its PCM, and its last
        message."""
        start = await self.wait_for("ai_text", after=after, timeout_s=timeout_s)
        turn_id = start["turn_id"]
        ended = {"turn_complete", "interrupted"}
        async with asyncio.timeout(timeout_s):
            while not (over := [m for m in self.messages[after:] if m["type"] in ended and m["turn_id"] == turn_id]):
                await self.report_played(turn_id, after=after)
                await asyncio.sleep(0.05)
        return self.text_of(turn_id), self.audio_of(turn_id), over[0]

    async def hear_whole_reply(self, *, after: int = 0, timeout_s: float = 60.0) -> tuple[str, bytes, Message]:
        """Wait for a reply that is not interrupted by the learner's own next words. Returns the same as
        `hear_reply`."""
        while True:
            text, audio, over = await self.hear_reply(after=after, timeout_s=timeout_s)
            if over["type"] == "turn_complete":
                return text, audio, over
            after = self.messages.index(over) + 1

    async def report_played(self, turn_id: str, *, after: int = 0) -> None:
        """Tell the gateway that all audio so far was played."""
        samples = sum(map(len, self._frames_of(turn_id))) // 2
        rates = [m["sample_rate"] for m in self.messages if m["type"] == "ai_audio_start" and m["turn_id"] == turn_id]
        if samples and rates:
            await self.send(type="playback", turn_id=turn_id, played_ms=samples / rates[0] * 1000)

    async def listen(self, seconds: float = 1.0) -> None:
        """Wait for a reply's first audio. Play 0.1 s of it and stop the player, while a silent microphone (16-bit PCM
        at 16 kHz) is on.

        Afterwards there is time to interrupt even a short reply, because the gateway waits a few seconds for a player
        that has stopped. The gateway also knows by then that the microphone picks up no echo. Until it knows that, it
        holds back what the microphone hears while the partner speaks.
        """
        begun = await self.wait_for("ai_audio_start")
        await self.wait_for("audio")
        await self.send(type="playback", turn_id=begun["turn_id"], played_ms=100)
        await self.send_audio([bytes(640)] * round(seconds / 0.02), pause_s=0.02)

    def text_of(self, turn_id: str) -> str:
        return "".join(m["text"] for m in self.messages if m["type"] == "ai_text" and m["turn_id"] == turn_id)

    def audio_of(self, turn_id: str) -> bytes:
        """The PCM of one turn: the binary frames after its ai_audio_start."""
        return b"".join(self._frames_of(turn_id))

    def _frames_of(self, turn_id: str) -> Iterator[bytes]:
        current = None
        for message in self.messages:
            if message["type"] == "ai_audio_start":
                current = message["turn_id"]
            elif message["type"] == "audio" and current == turn_id:
                yield message["pcm"]

    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["type"] == kind]


@asynccontextmanager
async def at_the_door(url: str, **headers: str) -> AsyncIterator[Learner]:
    """A learner who has opened a WebSocket, and who may still have to wait or be refused."""
    async with connect(url, max_size=None, compression=None, additional_headers=headers) as socket:
        learner = Learner(socket)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(learner.read())
            yield learner
            await socket.close()


@asynccontextmanager
async def a_learner(url: str, **headers: str) -> AsyncIterator[Learner]:
    """A learner who was let in by the gateway at `url` ("ws://…/ws/conversation")."""
    async with at_the_door(url, **headers) as learner:
        await learner.wait_for("connected")
        yield learner
