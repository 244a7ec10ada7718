"""When a process of `make run` is started again, replaced, or given up."""

from __future__ import annotations

import pytest

from deploy.lifeline import HANGS_AFTER_S, LOADING_HANGS_AFTER_S, GiveUp, Lifeline, Sign, StartAgain, how

SIGKILL = -9


def served(lifeline: Lifeline, now: float = 0.0) -> Lifeline:
    lifeline.started(now)
    assert not lifeline.seen(Sign.SERVES, now)
    return lifeline


@pytest.mark.parametrize("status", [0, 1, SIGKILL])
def test_one_that_has_served_is_always_started_again_with_growing_pauses(status: int) -> None:
    lifeline = served(Lifeline())
    pauses = []
    for now in range(8):
        lifeline.started(now)
        match lifeline.ended(status, now):
            case StartAgain(pause_s):
                pauses.append(pause_s)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_after_a_minute_of_work_the_pause_is_short_again() -> None:
    lifeline = served(Lifeline())
    lifeline.ended(SIGKILL, 1)
    served(lifeline, 10)
    assert lifeline.ended(SIGKILL, 80) == StartAgain(0.5)


def test_one_that_says_why_it_cannot_start_is_given_up_at_once() -> None:
    lifeline = Lifeline()
    lifeline.started(0)
    assert lifeline.ended(1, 1) == GiveUp()


def test_one_that_cannot_start_is_given_up_although_another_program_answered_for_it() -> None:
    lifeline = served(Lifeline())
    assert lifeline.ended(1, 1, says_why=True) == GiveUp()


def test_one_that_has_served_is_tried_again_although_something_keeps_it_from_its_second_start() -> None:
    lifeline = served(Lifeline())
    lifeline.ended(SIGKILL, 1)
    lifeline.started(2)
    assert lifeline.ended(1, 3, says_why=True) == StartAgain(1.0)


def test_one_that_is_killed_before_it_serves_gets_three_tries() -> None:
    lifeline = Lifeline()
    decisions = []
    for now in range(3):
        lifeline.started(now)
        lifeline.seen(Sign.ANSWERS, now)  # it answers while it loads its model
        decisions.append(lifeline.ended(SIGKILL, now))
    assert decisions == [StartAgain(0.5), StartAgain(1.0), GiveUp()]


def test_one_that_serves_hangs_after_some_silence_and_one_that_loads_much_later() -> None:
    lifeline = served(Lifeline())
    assert not lifeline.seen(Sign.SILENT, HANGS_AFTER_S - 1)
    assert not lifeline.seen(Sign.ANSWERS, HANGS_AFTER_S)
    assert not lifeline.seen(Sign.SILENT, 2 * HANGS_AFTER_S - 1)
    assert lifeline.seen(Sign.SILENT, 2 * HANGS_AFTER_S)
    lifeline.started(100)
    assert not lifeline.seen(Sign.SILENT, 100 + LOADING_HANGS_AFTER_S - 1)
    assert lifeline.seen(Sign.SILENT, 100 + LOADING_HANGS_AFTER_S)


def test_one_silence_however_late_is_no_proof() -> None:
    """After a virtual machine was paused for an hour, the check in progress fails, and the next one succeeds."""
    lifeline = served(Lifeline())
    assert not lifeline.seen(Sign.SILENT, 3600)
    assert not lifeline.seen(Sign.SERVES, 3605)


def test_statuses_in_words() -> None:
    assert how(1) == "ended with status 1"
    assert how(SIGKILL) == "was killed by SIGKILL"
