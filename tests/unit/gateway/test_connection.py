"""A learner's frames, on the short way and on the long one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import WebSocket

from gateway.admission.draining import Draining
from gateway.admission.limits import Allowance, Bucket
from gateway.admission.waiting_room import Arrival
from gateway.config import GatewaySettings
from gateway.connection.serve import converse
from gateway.conversation.hearing import GAP_S
from gateway.conversation.session import SessionOptions
from gateway.ports import Ports
from gateway.reply.maker import ReplyOptions
from tests.support.conversation import RATE_HZ, start
from tests.support.fakes import FakeAsr, FakeLlm, FakeTts, MemoryStore

pytestmark = pytest.mark.looptime  # a sleep ends when everything else waits

FRAME = bytes(640)


class Counting(Bucket):
    """Knows how much was taken of it."""

    taken = 0.0

    def take(self, amount: float) -> bool:
        self.taken += amount
        return super().take(amount)


class Wire:
    """A socket, and what gateway.connection.fast_path does for it: audio is handed over at once where that takes it."""

    def __init__(self) -> None:
        self.take: Any = None
        self.waits_for = 1
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._waiting.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "extensions": {"aitalk.hand_over": self}}
        self.socket = WebSocket(scope, self._waiting.get, self._send)

    def brings(self, audio: bytes) -> bool:
        """Whether it was taken at once; else it waits to be received."""
        is_taken = self._waiting.empty() and bool(self.take([audio]))
        if not is_taken:
            self.puts(bytes=audio)
        return is_taken

    def wait_for(self, size: int) -> None:
        self.waits_for = size

    def puts(self, kind: str = "receive", **frame: object) -> None:
        self._waiting.put_nowait({"type": f"websocket.{kind}", **frame})

    async def _send(self, message: Any) -> None:
        """Nobody reads it."""


async def test_each_frame_counts_once_whichever_way_it_goes() -> None:
    wire, messages, data = Wire(), Counting(1000), Counting(1_000_000)
    await wire.socket.accept()
    conversation = converse(
        Arrival(wire.socket, "test", Allowance(messages, data)),
        Ports(FakeAsr(), FakeLlm(), FakeTts(), MemoryStore()),
        SessionOptions("test", RATE_HZ, ReplyOptions(24_000, 256, 6000), 600.0, 0.7),
        GatewaySettings(_env_file=None),
        Draining(0),
    )
    begin, odd = start().model_dump_json(), b"odd"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(conversation)
        wire.puts(text=begin)
        wire.puts(bytes=FRAME)
        await asyncio.sleep(0.01)
        assert not wire.brings(odd)
        await asyncio.sleep(0.01)
        frames = 2
        while wire.brings(FRAME):  # until there is no more room, and one waits
            frames += 1
        await asyncio.sleep(0.01)
        assert wire.brings(FRAME)
        frames += 1
        assert wire.waits_for > 1  # for what completes a window
        wire.puts(text=begin)
        await asyncio.sleep(0.01)
        assert wire.waits_for == 1  # who sends something else may not be speaking
        assert wire.brings(FRAME)
        frames += 1
        assert wire.waits_for > 1
        await asyncio.sleep(GAP_S + 0.1)
        assert wire.waits_for == 1  # the microphone is off
        wire.puts("disconnect")
    assert (messages.taken, data.taken) == (3 + frames, 2 * len(begin) + len(odd) + frames * len(FRAME))


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
