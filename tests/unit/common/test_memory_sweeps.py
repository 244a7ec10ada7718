"""The memory that large calls leave in a model server."""

from __future__ import annotations

from common.memory_sweeps import FIRST_PAUSE_S, FREED_MB, GROWN_MB, LONGEST_PAUSE_S, SweepPlan
from tests.support.own_process import numbers_of


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_it_sweeps_when_the_process_has_grown() -> None:
    plan = SweepPlan(100.0, Clock())
    assert not plan.is_due(99.0 + GROWN_MB)
    assert plan.is_due(100.0 + GROWN_MB)


def test_memory_that_a_sweep_could_not_free_is_freed_later() -> None:
    """The message of a large call may still be in use at the first sweep."""
    plan = SweepPlan(100.0, clock := Clock())
    plan.swept(300.0, 299.0)
    assert not plan.is_due(299.0)
    clock.s = 2 * FIRST_PAUSE_S
    assert plan.is_due(299.0)
    plan.swept(299.0, 100.0)
    assert not plan.is_due(100.0)


def test_a_process_that_needs_its_memory_is_left_alone() -> None:
    plan, sweeps = SweepPlan(100.0, clock := Clock()), 0
    for clock.s in range(3600):
        if plan.is_due(500.0):
            sweeps += 1
            plan.swept(500.0, 500.0 - FREED_MB / 2)
    assert sweeps <= 12
    clock.s += LONGEST_PAUSE_S
    assert plan.is_due(500.0)


PROGRAM = """
import asyncio, gc
import psutil
from common import memory_sweeps

memory_sweeps.LOOK_EVERY_S = 0.05
size = lambda: psutil.Process().memory_info().rss / 1e6

class Call:
    def __init__(self):
        self.me, self.message = self, [bytes(5000) for _ in range(20_000)]  # a cycle, and 100 MB

async def main():
    gc.disable()
    sweeping = asyncio.create_task(memory_sweeps.keep_small("test"))
    await asyncio.sleep(0.02)
    before = size()
    Call()
    grown = size() - before
    for _ in range(100):
        await asyncio.sleep(0.05)
        if size() - before < 20:
            break
    print(round(grown), round(size() - before))

asyncio.run(main())
"""


def test_a_process_is_small_again_after_a_large_call() -> None:
    grown_mb, left_mb = numbers_of(PROGRAM)
    assert grown_mb > 80
    assert left_mb < 20
