"""The record of a conversation: what it writes to the store, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

from common.bucket import BURST_S
from gateway.conversation_record import TURN_CHARS, ConversationRecord
from gateway.history import LearnerTurn, SessionState
from gateway.outbox import Outbox
from tests.support.memory_store import MemoryStore


def turn(number: int, text: str = "") -> LearnerTurn:
    return LearnerTurn(turn_id=f"t{number}", text=text, started_s=0.0, typed=True)


@asynccontextmanager
async def a_record(store: MemoryStore) -> AsyncIterator[ConversationRecord]:
    outbox = Outbox()
    record = ConversationRecord(
        SessionState(session_id="s", created_at=0.0), store, outbox, wall_clock=lambda: 0.0, now=lambda: 0.0
    )
    await record.create("token")
    yield record
    outbox.close()
    assert [message async for message in outbox] == []


def stored(store: MemoryStore) -> list[str]:
    return [one.turn_id for one in store.sessions["s"][2]]


async def test_turns_that_are_inserted_again_and_again_are_written_together() -> None:
    """Otherwise each small message of a client could cost as much as writing the whole conversation."""
    store = MemoryStore()
    room = 3.5 * TURN_CHARS  # to write one turn, and then two turns, but not three more
    with patch("gateway.conversation_record.REWRITTEN_PER_S", room / BURST_S):
        async with a_record(store) as record:
            for number in range(20):
                await record.insert(turn(number), after=None)
            assert stored(store) == ["t1", "t0"]
            assert store.unsaved == [record]
            await store.save_unsaved()
            assert stored(store) == [f"t{number}" for number in reversed(range(20))]
            await record.remember(turn(20))
            assert stored(store)[-1] == "t20"


async def test_only_the_turn_that_is_replaced_is_written() -> None:
    store = MemoryStore()
    async with a_record(store) as record:
        for number in range(3):
            await record.remember(turn(number))
        with patch.object(store, "rewrite", side_effect=AssertionError):
            await record.replace(turn(1, "better"))
    assert [one.text for one in store.sessions["s"][2]] == ["", "better", ""]
