"""`python -m bench.load.client`: n learners over WebSocket in one process that uses little CPU.

Each learner repeats the program of `bench.load.speech` without end, in frames of 20 ms, and begins at a frame of its
own. The first sample that it sends shows which frame that is. All learners share the frames, which are made only once.
A WebSocket client must mask what it sends; a mask of zeros leaves the bytes unchanged.

Reads a `Job` as JSON from standard input. Prints "connected" when all learners are connected, waits for a line, then
speaks. At the end it prints the `Outcome` as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import sys
import time
from collections.abc import MutableSequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from pydantic import BaseModel

from bench.load.delays import MARK
from bench.load.speech import FRAME_S, Program

_CONNECT_TIMEOUT_S = 30.0
_HEADER = 8  # the header of a masked frame of 126 bytes or more
_AT_ONCE = 10  # connections opened at once
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class Job(BaseModel):
    """url: of the WebSocket. program: the file of what to say. greeting: a text frame to send first, if any. seconds:
    how long to speak."""

    url: str
    program: Path
    sessions: int
    seconds: float
    greeting: str = ""


class Turns(BaseModel):
    """One learner. All times are in seconds of one clock that all learners share.

    began_s: when its first frame was sent; each further frame follows 20 ms later. phase: which frame of the program
    that was. answers_s: when the first sample of each answer came. lost: the server ended the connection.
    """

    began_s: float
    phase: int
    sent_frames: int
    answers_s: list[float]
    lost: bool


class Outcome(BaseModel):
    """late_p99_ms, late_max_ms: how late the client itself sent its frames, 99th percentile and worst. If they exceed
    some tens of milliseconds, the machine is too busy for a useful measurement."""

    learners: list[Turns]
    late_p99_ms: float
    late_max_ms: float


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """One final client frame with a mask of zeros (RFC 6455, section 5.2)."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class ServerFrames:
    """Cuts a server's bytes into frames: takes bytes, gives (opcode, payload)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that `data` completes. The frames of a fragmented message come one by one."""
        buffer = self._buffer + data if self._buffer else data
        frames, at, end = [], 0, len(buffer)
        while end - at >= 2:
            size, begin = buffer[at + 1] & 0x7F, at + 2
            if size == 126:
                begin, size = at + 4, int.from_bytes(buffer[at + 2 : at + 4], "big")
            elif size == 127:
                begin, size = at + 10, int.from_bytes(buffer[at + 2 : at + 10], "big")
            if begin > end or begin + size > end:
                break
            frames.append((buffer[at] & 0x0F, buffer[begin : begin + size]))
            at = begin + size
        self._buffer = buffer[at:]
        return frames


@dataclass
class Learner(asyncio.Protocol):
    """One connection. It performs the handshake, sends frames on time, and records when answers begin.

    frame_s: the length of each of `frames`.
    """

    job: Job
    frames: list[bytes]
    phase: int
    late_s: MutableSequence[float]
    frame_s: float = FRAME_S
    began_s: float = 0.0
    sent: int = 0
    lost: bool = False
    answers_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self.ready: asyncio.Future[None] = loop.create_future()
        self._head = b""
        first = self.phase.to_bytes(2, "little")
        self._first = masked_frame(_BINARY, first + self.frames[self.phase][_HEADER + 2 :])
        self._incoming = ServerFrames()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    # --- the connection

    def connection_made(self, transport: Any) -> None:
        """Ask for a WebSocket."""
        self._transport: asyncio.Transport = (
            transport  # uvloop's transport has the same methods without being a subclass
        )
        url = urlsplit(self.job.url)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        transport.write(
            f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Finish the handshake, then cut the bytes into frames."""
        if not self.ready.done():
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.ready.set_exception(ConnectionError(head.split(b"\r\n", 1)[0].decode()))
                return
            if self.job.greeting:
                self._transport.write(masked_frame(_TEXT, self.job.greeting.encode()))
            self.ready.set_result(None)
        for opcode, payload in self._incoming.feed(data):
            if opcode in (_BINARY, 0) and MARK in payload:
                self.answers_s.append(time.monotonic())
            elif opcode == _TEXT:
                self.on_text(payload)
            elif opcode == _PING:
                self._transport.write(masked_frame(_PONG, payload))
            elif opcode == _CLOSE:
                self._transport.close()

    def on_text(self, payload: bytes) -> None:
        """Handle a message that is not audio. Most of them don't matter here."""

    def connection_lost(self, _: Exception | None) -> None:
        """Stop speaking. The connection counts as lost unless the learner ended it."""
        self.lost = not self._stopped
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server closed the connection"))
        if self._timer:
            self._timer.cancel()

    # --- speaking

    def speak(self, at_s: float) -> None:
        """Begin to speak."""
        self.began_s = at_s
        self._timer = self._loop.call_later(at_s - time.monotonic(), self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        due = self.began_s + self.sent * self.frame_s
        self.late_s.append(max(0.0, now - due))
        while (
            due <= now + 0.0005
        ):  # timers are exact to a millisecond; several frames are due only if this process was delayed
            self._transport.write(
                self.frames[(self.phase + self.sent) % len(self.frames)] if self.sent else self._first
            )
            self.sent += 1
            due = self.began_s + self.sent * self.frame_s
        self._timer = self._loop.call_later(due - now, self._tick)

    def stop(self) -> Turns:
        """Stop speaking. Returns the learner's turns."""
        self._stopped = True
        if self._timer:
            self._timer.cancel()
        self._transport.close()
        return Turns(
            began_s=self.began_s, phase=self.phase, sent_frames=self.sent, answers_s=self.answers_s, lost=self.lost
        )


async def converse(job: Job, said: Program) -> Outcome:
    """Connect all learners, wait for a line on standard input, speak, and return the outcome."""
    frames = [masked_frame(_BINARY, said.frame(i)) for i in range(said.frames)]
    late_s: list[float] = []
    learners = await _connect(job, frames, late_s)
    print("connected", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    start = time.monotonic() + 0.1
    for number, learner in enumerate(learners):
        learner.speak(start + FRAME_S * number / len(learners))
    await asyncio.sleep(job.seconds)
    turns = [learner.stop() for learner in learners]
    late_s.sort()
    return Outcome(learners=turns, late_p99_ms=1000 * late_s[len(late_s) * 99 // 100], late_max_ms=1000 * late_s[-1])


async def _connect(job: Job, frames: list[bytes], late_s: list[float]) -> list[Learner]:
    """Connect the learners. Learner k of n begins at k/n of the program, so that no two speak in step."""
    url, loop = urlsplit(job.url), asyncio.get_running_loop()
    learners: list[Learner] = []
    async with asyncio.timeout(_CONNECT_TIMEOUT_S):
        while len(learners) < job.sessions:
            numbers = range(len(learners), min(job.sessions, len(learners) + _AT_ONCE))
            batch = [Learner(job, frames, number * len(frames) // job.sessions, late_s) for number in numbers]
            for learner in batch:
                await loop.create_connection(partial(_same, learner), str(url.hostname), int(url.port or 80))
            await asyncio.gather(*(learner.ready for learner in batch))
            learners += batch
    return learners


def _same(learner: Learner) -> Learner:
    return learner


def main() -> None:
    """Run the job from standard input."""
    job = Job.model_validate_json(sys.stdin.readline())
    print(uvloop.run(converse(job, Program.load(job.program))).model_dump_json(), flush=True)


if __name__ == "__main__":
    main()
