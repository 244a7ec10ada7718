"""The verdict of `make soak` notices whatever grows or is left over, and a run that proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.reliability.soak_verdict import Process, problems, table

STEADY = Process("gateway", [100.0, 101.0, 99.0], [103.0, 104.0, 102.0], 12, 12, 40, 40)


def verdict(process: Process = STEADY, *, sessions: int = 200, turns: int = 300, seats: float = 0.0) -> list[str]:
    return problems([process], {"seats": seats}, sessions=sessions, turns=turns, learners=50)


def test_a_steady_run_passes() -> None:
    assert verdict() == []
    assert "| gateway | 100.0 | 103.0 | +3.0 | 12 → 12 | 40 → 40 |" in table([STEADY])


@pytest.mark.parametrize(
    ("process", "problem"),
    [
        (replace(STEADY, memory_after_mb=[106.0]), "its memory grew by 6.0 %"),
        (replace(STEADY, tasks_after=13), "1 asyncio tasks are left over"),
        (replace(STEADY, descriptors_after=43), "3 file descriptors are left over"),
    ],
)
def test_growth_and_leftovers_fail(process: Process, problem: str) -> None:
    (found,) = verdict(process)
    assert problem in found


def test_a_short_run_may_grow_more() -> None:
    grown = replace(STEADY, memory_after_mb=[106.0])
    assert problems([grown], {}, sessions=200, turns=300, learners=50, most_growth=0.2) == []


def test_seats_that_are_left_over_fail() -> None:
    assert verdict(seats=2.0) == ["at the end 2 seats are left over"]


@pytest.mark.parametrize(("sessions", "turns"), [(99, 300), (200, 99)])
def test_a_run_with_too_few_sessions_or_turns_says_nothing(sessions: int, turns: int) -> None:
    (found,) = verdict(sessions=sessions, turns=turns)
    assert "too few to say anything" in found


def test_a_process_without_tasks_of_its_own_shows_none() -> None:
    assert "| – |" in table([replace(STEADY, tasks_before=-1, tasks_after=-1)])
