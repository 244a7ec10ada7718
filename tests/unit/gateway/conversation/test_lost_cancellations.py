"""A task that is cancelled just as it fails still ends. So does its session, and the seat becomes free.

An asyncio.TaskGroup that is ending because of an error loses a cancellation (up to Python 3.12), and asyncio.wait_for
may lose one (in Python 3.11). The cancelled task would then go on. Because of this, two sessions in a soak test kept
their seats for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.clients.redis_client import reachable
from gateway.closing import LEFT
from gateway.conversation.session import INBOX_EVENTS
from gateway.conversation.stall_watch import STALL_S
from gateway.ports import AsrStream, Patience, TtsStream
from gateway.protocol import Interrupt, TurnComplete
from gateway.reply.slow_reply import GIVE_UP_S
from tests.support.conversation import Conversation, text
from tests.support.fakes import FakeAsr, FakeTts

pytestmark = pytest.mark.looptime

CLOSES_IN_S = 0.5


@dataclass
class SlowToCloseAsr(FakeAsr):
    """Recognition whose streams take a moment to end."""

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AsyncIterator[AsrStream]:
        async with super().open(sample_rate_hz=sample_rate_hz, language=language, patience=patience) as stream:
            try:
                yield stream
            finally:
                await asyncio.sleep(CLOSES_IN_S)


@dataclass
class SlowToCloseTts(FakeTts):
    """Synthesis whose streams take a moment to end."""

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, voice: str, speed: float, language: str) -> AsyncIterator[TtsStream]:
        async with super().open(sample_rate_hz=sample_rate_hz, voice=voice, speed=speed, language=language) as stream:
            try:
                yield stream
            finally:
                await asyncio.sleep(CLOSES_IN_S)


async def test_a_learner_who_leaves_just_as_recognition_is_given_up_leaves_no_session_behind() -> None:
    talk = Conversation(asr=SlowToCloseAsr(stuck_streams=1))
    async with asyncio.timeout(60), talk.running():
        await talk.speak(STALL_S + CLOSES_IN_S / 2)
    assert talk.closing is LEFT


async def test_a_learner_who_interrupts_just_as_a_reply_is_given_up_can_go_on() -> None:
    """The cancelled reply must not post its end to the session's inbox. The inbox may be full, and its reader waits for
    the reply."""
    talk = Conversation(tts=SlowToCloseTts())
    talk.llm.first_s = 2 * GIVE_UP_S
    async with asyncio.timeout(3 * GIVE_UP_S), talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(GIVE_UP_S + CLOSES_IN_S / 2)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2 * INBOX_EVENTS):
                tasks.create_task(talk.post(Interrupt(type="interrupt")))
        talk.llm.first_s = 0.1
        await talk.post(text("again"))
        await asyncio.sleep(5)
    assert len(talk.of(TurnComplete)) == 1


async def test_a_task_that_is_cancelled_just_as_redis_fails_ends() -> None:
    async def write() -> None:
        async with reachable():
            writing.cancel()
            raise RedisTimeoutError

    writing = asyncio.create_task(write())
    await asyncio.wait({writing})
    assert writing.cancelled()
