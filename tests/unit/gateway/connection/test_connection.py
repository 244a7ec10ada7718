"""A learner's frames: when the socket is read, and what counts against the limits."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from fastapi import WebSocket

from common.bucket import Bucket
from gateway.admission.draining import Draining
from gateway.admission.limits import Allowance
from gateway.admission.queue import AdmissionQueue
from gateway.admission.redis_seats import Count, RedisSeats
from gateway.admission.waiting_room import Arrival
from gateway.config import GatewaySettings
from gateway.connection.converse import converse
from gateway.connection.direct_audio import DirectAudio
from gateway.conversation.learner_audio import GAP_S
from gateway.conversation.session_options import SessionOptions
from gateway.ports import Ports
from gateway.reply.maker import ReplyOptions
from tests.support.conversation import RATE_HZ, start
from tests.support.fakes import FakeAsr, FakeLlm, FakeTts
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.looptime  # in virtual time, a sleep ends as soon as everything else waits

FRAME = bytes(640)


class Counting(Bucket):
    """A bucket that knows how much was taken."""

    taken = 0.0

    def take(self, amount: float) -> bool:
        self.taken += amount
        return super().take(amount)


class Wire:
    """A socket that keeps its low-water mark."""

    def __init__(self) -> None:
        self.mark = 1
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._waiting.put_nowait({"type": "websocket.connect"})
        self.direct = DirectAudio()
        extensions = {"aitalk.low_water_mark": self, "aitalk.direct_audio": self.direct}
        scope = {"type": "websocket", "extensions": extensions}
        self.socket = WebSocket(scope, self._waiting.get, self._send)

    def set(self, size: int) -> None:
        self.mark = size

    def puts(self, kind: str = "receive", **frame: object) -> None:
        self._waiting.put_nowait({"type": f"websocket.{kind}", **frame})

    async def _send(self, message: Any) -> None:
        """Do nothing: nobody reads the message."""


async def conversing(wire: Wire, allowance: Allowance, asr: FakeAsr | None = None) -> None:
    await converse(
        Arrival(wire.socket, "test", allowance),
        Ports(asr or FakeAsr(), FakeLlm(), FakeTts(), MemoryStore()),
        SessionOptions("test", RATE_HZ, ReplyOptions(24_000, 256, 6000), 600.0, 0.7),
        GatewaySettings(_env_file=None),
        Draining(0),
    )


async def test_the_socket_is_left_alone_while_audio_comes_and_each_frame_counts_once() -> None:
    wire, messages, data = Wire(), Counting(1000), Counting(1_000_000)
    await wire.socket.accept()
    conversation = conversing(wire, Allowance(messages, data))
    begin, odd = start().model_dump_json(), b"odd"

    async def mark_after(**frame: object) -> int:
        wire.puts(**frame)  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        return wire.mark

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(conversation)
        assert await mark_after(text=begin) == 1
        assert await mark_after(bytes=FRAME) > 1  # the number of bytes that complete a window
        assert await mark_after(text=begin) == 1  # a client that sends something else is perhaps not speaking
        assert await mark_after(bytes=FRAME) > 1
        assert await mark_after(bytes=odd) == 1
        assert await mark_after(bytes=FRAME) > 1
        await asyncio.sleep(GAP_S + 0.1)
        assert wire.mark == 1  # the microphone is off
        assert await mark_after(bytes=FRAME) > 1
        wire.puts("disconnect")
    assert wire.mark == 1
    assert (messages.taken, data.taken) == (7, 2 * len(begin) + len(odd) + 4 * len(FRAME))


async def test_audio_is_taken_as_it_comes_unless_it_has_to_wait_or_something_is_wrong_with_it() -> None:
    wire, messages, asr = Wire(), Counting(1000), FakeAsr()
    await wire.socket.accept()

    async def is_taken(*frames: bytes) -> bool:
        taken = wire.direct.take(list(frames))
        await asyncio.sleep(0.01)
        return taken

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(conversing(wire, Allowance(messages, Counting(5_000)), asr))
        await asyncio.sleep(0.01)
        assert not await is_taken(FRAME)  # the format is not known yet
        wire.puts(text=start().model_dump_json())
        wire.puts(bytes=FRAME)
        await asyncio.sleep(0.01)
        assert await is_taken(FRAME)
        assert wire.mark > 1
        assert await is_taken(FRAME, FRAME, FRAME)
        assert not await is_taken(b"odd")
        assert not await is_taken(FRAME, b"odd", b"odd")  # each `odd` is an error, although both make whole samples
        assert not await is_taken(b"")
        assert not await is_taken(bytes(60_000))  # more than the allowance: `receive` reports it
        await asyncio.sleep(GAP_S + 0.1)
        assert len(asr.heard) == 5 * len(FRAME)
        wire.puts("disconnect")
    assert not wire.direct.take([FRAME])
    assert messages.taken == 6


class Seats:
    """Seats for everybody. Notes which seats were left, and for how long each is kept."""

    def __init__(self) -> None:
        self.left: list[tuple[str, float]] = []

    async def beat(self, _: list[str], asking: list[str], **__: object) -> Count:
        return Count(seats=len(asking), queue=0, length_s=0.0, places=(0,) * len(asking))

    async def leave(self, seat: str, *, keep_s: float, held_s: float) -> None:
        assert held_s >= 0
        self.left.append((seat, keep_s))


@pytest.mark.parametrize("gives_back", [False, True])
async def test_a_seat_that_was_given_back_is_not_kept_for_who_loses_the_connection(*, gives_back: bool) -> None:
    wire, seats = Wire(), Seats()
    admission = AdmissionQueue(cast("RedisSeats", seats), lambda: 1, queue_max=1, max_wait_s=1, grace_s=30)
    arrival = Arrival(wire.socket, "test", Allowance(Counting(1000), Counting(1000)))
    async with arrival.seated_by(admission, MemoryStore(), Draining(0)) as is_in:
        assert is_in
        arrival.keep_seat = True
        if gives_back:
            await arrival.gives_seat_back()
            await arrival.gives_seat_back()
            assert seats.left == [("test", 0.0)]
            await arrival.carries_on("another")
    assert seats.left == [("test", 0.0 if gives_back else 30.0)]


async def test_a_frame_that_came_while_the_learner_queued_counts_once() -> None:
    wire, messages, data = Wire(), Counting(1000), Counting(1_000_000)
    await wire.socket.accept()
    arrival = Arrival(wire.socket, "test", Allowance(messages, data))
    wire.puts(bytes=FRAME)
    wire.puts(text="{}")
    arrival.keep(await arrival.receive_new())
    assert [(await arrival.receive())["type"] for _ in range(2)] == ["websocket.receive"] * 2
    wire.puts("disconnect")
    assert (await arrival.receive())["type"] == "websocket.disconnect"
    assert (messages.taken, data.taken) == (2, len(FRAME) + 2)
