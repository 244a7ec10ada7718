"""Floor control alone, in virtual time: replies that a noise cuts off, a partner who begins, and a lost turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from gateway.conversation_record import ConversationRecord
from gateway.history import Memory, SessionState
from gateway.notices import Notice
from gateway.outbox import Outbox
from gateway.protocol import AiText, AnyServerMessage
from gateway.reply.floor_control import FloorControl
from gateway.reply.maker import ReplyMaker, ReplyOptions
from gateway.reply.outcome import Outcomes
from gateway.reply.prompt import SOMETHING
from gateway.reply.replies import Replies
from gateway.reply.turn_machine import (
    LearnerBargesIn,
    LearnerEnds,
    LearnerInterrupts,
    LearnerPauses,
    LearnerSpeaks,
    LearnerTypes,
    PartnerBegins,
    TurnLost,
)
from tests.support.fakes import FakeLlm, FakeTts
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.looptime


class Floor:
    """A FloorControl whose ended replies wait until the test settles them."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        now = asyncio.get_running_loop().time
        self.llm = FakeLlm(reply=["one ", "two ", "three ", "four."])
        self.over: list[str] = []
        self.got: list[AnyServerMessage | Notice | bytes] = []
        self.outbox = Outbox()
        record = self.record = ConversationRecord(
            SessionState(session_id="test", created_at=now()),
            MemoryStore(away=True),
            self.outbox,
            wall_clock=now,
            now=now,
        )
        self.control = FloorControl(
            ReplyMaker(
                self.llm,
                FakeTts(),
                ReplyOptions(24_000, 256, 6000),
                record=record,
                outbox=self.outbox,
                tasks=tasks,
                now=now,
                memory_changed=self._memory_changed,
            ),
            Replies(Outcomes(record, self.outbox, now), record=record, tasks=tasks, reply_over=self._reply_over),
            record=record,
            may_speculate=lambda: True,
            now=now,
        )

    async def _reply_over(self, turn_id: str) -> None:
        self.over.append(turn_id)

    async def _memory_changed(self, memory: Memory) -> None:
        raise AssertionError("these conversations are short")

    async def collect(self) -> None:
        async for message in self.outbox:
            self.got.append(message)

    @property
    def replies(self) -> set[str]:
        """The ids of the turns whose text was sent."""
        return {message.turn_id for message in self.got if isinstance(message, AiText)}

    async def is_cut_off_by_a_noise(self) -> None:
        await self.control.on(LearnerSpeaks())
        await self.control.on(LearnerBargesIn())
        await self.control.on(LearnerEnds(""))


@asynccontextmanager
async def floor_control() -> AsyncIterator[Floor]:
    async with asyncio.TaskGroup() as tasks:
        floor = Floor(tasks)
        tasks.create_task(floor.collect())
        yield floor
        await floor.control.on(LearnerInterrupts())
        floor.outbox.close()


async def test_a_noise_lets_the_partner_say_the_rest_of_the_reply_that_it_cut_off() -> None:
    async with floor_control() as floor:
        await floor.control.on(LearnerTypes("hi"))
        await asyncio.sleep(0.6)
        await floor.is_cut_off_by_a_noise()
        await asyncio.sleep(0.5)
    assert len(floor.replies) == 2
    assert len(floor.llm.asked) == 1


async def test_a_noise_before_anything_was_written_does_not_leave_a_typed_line_unanswered() -> None:
    async with floor_control() as floor:
        await floor.control.on(LearnerTypes("hi"))
        await asyncio.sleep(0.05)
        await floor.is_cut_off_by_a_noise()
        await asyncio.sleep(0.6)
        assert len(floor.llm.asked) == 2
        assert floor.llm.asked[0] == floor.llm.asked[1]
    assert len(floor.replies) == 1


async def test_a_noise_in_the_moment_in_which_a_reply_ends_does_not_bring_back_the_rest_of_an_older_one() -> None:
    async with floor_control() as floor:
        await floor.control.on(LearnerTypes("hi"))
        await asyncio.sleep(0.6)
        await floor.control.on(LearnerTypes("something else, please"))
        await asyncio.sleep(5)
        assert len(floor.over) == 1
        await floor.is_cut_off_by_a_noise()  # before `settle`
        await asyncio.sleep(0.5)
        assert floor.control.is_free
    assert len(floor.replies) == 2


async def test_a_partner_who_begins_says_the_given_text_without_the_model() -> None:
    async with floor_control() as floor:
        await floor.control.on(PartnerBegins("Good morning!"))
        assert not floor.control.is_free
        await asyncio.sleep(5)
        assert [message.text for message in floor.got if isinstance(message, AiText)] == ["Good morning!", ""]
        assert not floor.llm.asked
        await floor.control.settle(floor.over[0])
        assert [turn.text for turn in floor.record.turns] == ["Good morning!"]


async def test_a_partner_who_begins_without_a_text_is_written_by_the_model() -> None:
    async with floor_control() as floor:
        await floor.control.on(PartnerBegins(""))
        await asyncio.sleep(5)
    assert floor.llm.asked[0][-1].content == SOMETHING
    assert len(floor.replies) == 1


async def test_a_reply_that_is_hushed_when_recognition_fails_is_heard_to_its_end() -> None:
    async with floor_control() as floor:
        await floor.control.on(LearnerTypes("hi"))
        await asyncio.sleep(0.2)
        await floor.control.on(LearnerSpeaks())
        await floor.control.on(TurnLost())
        await asyncio.sleep(5)
        assert len(floor.over) == 1


def eager_replies_used() -> float:
    return REGISTRY.get_sample_value("aitalk_gateway_eager_replies_total", {"outcome": "used"}) or 0.0


async def test_the_rest_of_a_reply_is_not_counted_as_one_more_reply_that_was_begun_in_a_pause() -> None:
    before = eager_replies_used()
    async with floor_control() as floor:
        await floor.control.on(LearnerPauses("hi"))
        await floor.control.on(LearnerEnds("hi"))
        await asyncio.sleep(0.6)
        await floor.is_cut_off_by_a_noise()
        await asyncio.sleep(0.5)
    assert len(floor.replies) == 2
    assert eager_replies_used() - before == 1
