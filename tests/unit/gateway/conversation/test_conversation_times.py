"""The times of turns count the seconds since their conversation began, even if the wall clock is changed meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, SessionState
from gateway.outbox import Outbox
from tests.support.memory_store import MemoryStore

BEGAN_S = 1_000_000.0  # of the wall clock
HOUR_S = 3600.0


class Clocks:
    """The wall clock, which may be changed, and the monotonic clock, which never is."""

    def __init__(self, outbox: Outbox) -> None:
        self.wall_s, self.now_s = BEGAN_S, 50.0
        self._outbox = outbox

    def pass_(self, seconds: float) -> None:
        self.wall_s += seconds
        self.now_s += seconds

    def record(self, store: MemoryStore) -> ConversationRecord:
        state = SessionState(session_id="s", created_at=self.wall_s)
        return ConversationRecord(state, store, self._outbox, wall_clock=lambda: self.wall_s, now=lambda: self.now_s)


@pytest_asyncio.fixture
async def clocks() -> AsyncIterator[Clocks]:
    outbox = Outbox()
    yield Clocks(outbox)
    outbox.close()
    assert [message async for message in outbox] == []


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
async def test_a_step_of_the_clock_moves_no_turn(clocks: Clocks, step_s: float) -> None:
    record = clocks.record(MemoryStore())
    clocks.pass_(10)
    assert record.elapsed_s() == 10
    clocks.wall_s += step_s
    assert record.elapsed_s() == 10
    clocks.pass_(5)
    assert record.elapsed_s() == 15


@pytest.mark.parametrize(("step_s", "elapsed_s"), [(0.0, 20.0), (-HOUR_S, 12.0)])
async def test_a_conversation_that_is_carried_on_counts_the_time_between(
    clocks: Clocks, step_s: float, elapsed_s: float
) -> None:
    """If the clock was set back meanwhile, the next turn is still not before the last one."""
    store = MemoryStore()
    first = clocks.record(store)
    await first.create("token")
    clocks.pass_(12)
    await first.remember(LearnerTurn(turn_id="t", text="Hello.", started_s=first.elapsed_s()))
    clocks.pass_(8)
    clocks.wall_s += step_s
    again = clocks.record(store)
    await again.resume("s", "token", "another gateway")
    assert again.elapsed_s() == elapsed_s
    clocks.pass_(1)
    assert again.elapsed_s() == elapsed_s + 1
