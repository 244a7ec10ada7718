"""The verdict of `make chaos` notices each thing that must not happen."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.util import find_spec

import pytest

from bench.reliability.diary import Diary
from bench.reliability.gateway_process import waiting_places
from bench.reliability.mesh import MODULES, with_stubs
from bench.reliability.verdict import Kept, Mark, Row, Span, problems, table
from deploy.environments import OWN
from deploy.mesh_plan import Process

ALL_KEPT = Kept(said={"s": ["one 1.", "two 2."]}, heard={"s": {"a", "b"}})
FAULT_S, REPAIRED_S, END_S = 10.0, 12.0, 30.0


def a_learner() -> tuple[Diary, Mark]:
    """A learner who has said something before the fault, and was answered."""
    diary = Diary(sessions=1)
    diary.spoke(1.0)
    diary.said.append(("s", "one 1."))
    diary.answer_began(1.8)
    diary.heard.append(("s", "a"))
    return diary, Mark.of(diary)


def row_of(diary: Diary, before: Mark, kept: Kept = ALL_KEPT) -> Row:
    row = Row("asr killed", learners=1)
    row.add([Span(diary, before, Mark.of(diary), REPAIRED_S, END_S)], kept)
    return row


def a_good_turn(diary: Diary) -> None:
    diary.spoke(REPAIRED_S + 1)
    diary.said.append(("s", "two 2."))
    diary.answer_began(REPAIRED_S + 1.7)
    diary.heard.append(("s", "b"))


def test_a_good_run_passes() -> None:
    diary, before = a_learner()
    a_good_turn(diary)
    row = row_of(diary, before)
    assert (row.told, row.lost, row.doubled, row.sessions_lost, row.times) == (2, 0, 0, 0, 1)
    assert row.back_p95_s == pytest.approx(0.7)
    assert problems([row], ["asr killed"], 1, {"seats": 0.0}) == []
    assert "| asr killed | 1 | 1 | 2 | 0 |" in table([row])


@pytest.mark.parametrize(
    "kept",
    [
        replace(ALL_KEPT, said={"s": ["one 1."]}),
        replace(ALL_KEPT, heard={"s": {"a"}}),
        replace(ALL_KEPT, said={"s": ["one 1.", "two 2.", "two 2."]}),
        Kept({}, {}),
    ],
)
def test_a_turn_that_redis_lacks_or_has_twice_fails(kept: Kept) -> None:
    diary, before = a_learner()
    a_good_turn(diary)
    (problem,) = row_of(diary, before, kept).problems()
    assert "lost" in problem


def test_a_forgotten_session_fails() -> None:
    diary, before = a_learner()
    a_good_turn(diary)
    diary.sessions += 1
    (problem,) = row_of(diary, before).problems()
    assert "1 sessions forgotten" in problem


def test_a_run_in_which_nobody_spoke_says_nothing() -> None:
    diary, before = a_learner()
    found = " ".join(row_of(diary, before).problems())
    assert "no learner was shown a complete turn" in found
    assert "back in conversation after inf s" in found


@pytest.mark.parametrize(("told_s", "fails"), [(4.9, False), (5.1, True), (math.inf, True)])
def test_silence_without_a_word_fails(told_s: float, fails: bool) -> None:
    diary, before = a_learner()
    diary.spoke(FAULT_S)
    if told_s < math.inf:
        diary.told(FAULT_S + told_s, "slow")
    diary.answer_began(FAULT_S + 12)
    a_good_turn(diary)
    assert any("without being told" in problem for problem in row_of(diary, before).problems()) is fails


def test_an_answer_missing_at_the_end_counts_as_waiting() -> None:
    diary, before = a_learner()
    a_good_turn(diary)
    diary.spoke(END_S - 6)
    assert row_of(diary, before).untold_s == 6


def test_a_lost_connection_tells_the_learner_and_the_way_back_counts() -> None:
    diary, before = a_learner()
    diary.spoke(FAULT_S)
    diary.lost(FAULT_S + 0.1)
    diary.came_back(REPAIRED_S + 3.5)
    diary.spoke(REPAIRED_S + 8)
    diary.said.append(("s", "two 2."))
    diary.answer_began(REPAIRED_S + 8.7)
    row = row_of(diary, before)
    assert row.connections_lost == 1
    assert row.untold_s == pytest.approx(0.7)
    assert row.back_p95_s == pytest.approx(3.5)
    assert any("back in conversation" in problem for problem in row.problems())


def test_a_connection_that_never_came_back_fails() -> None:
    diary, before = a_learner()
    a_good_turn(diary)
    diary.lost(REPAIRED_S + 5)
    assert row_of(diary, before).back_p95_s == math.inf


def test_a_fault_that_was_not_tried_and_things_left_over_fail() -> None:
    diary, before = a_learner()
    a_good_turn(diary)
    row = row_of(diary, before)
    assert problems([row], ["asr killed", "tts killed"], 2, {"seats": 1, "sessions": 0}) == [
        "asr killed: tried 1 of 2 times",
        "tts killed: tried 0 of 2 times",
        "at the end 1 seats are left over",
    ]


def test_an_utterance_that_is_not_answered_yet_belongs_to_the_next_fault() -> None:
    diary, _ = a_learner()
    diary.spoke(FAULT_S)
    assert Mark.of(diary).spoke == 1
    diary.answer_began(FAULT_S + 1)
    assert Mark.of(diary).spoke == 2


def test_the_stub_mesh_differs_from_make_run_in_its_commands_only() -> None:
    own = {name: Process(f"exec python -m {name}", OWN, {"REDIS_URL": "redis://a/0"}) for name in ("gateway", "redis")}
    changed = with_stubs(own, {"GATEWAY_REDIS_URL": "redis://link/0"})
    assert changed["redis"] == own["redis"]
    assert changed["gateway"].command == f"exec python -m {MODULES['gateway']}"
    assert changed["gateway"].variables["REDIS_URL"] == "redis://link/0"
    assert all(find_spec(module) for module in MODULES.values())


async def test_where_a_task_waits_is_shown_through_generators_and_without_values() -> None:
    async def words() -> AsyncIterator[str]:
        await asyncio.sleep(60)
        yield "what a learner said"

    async def hears() -> None:
        async for _ in words():
            pass

    hearing = asyncio.create_task(hears())
    await asyncio.sleep(0)
    shown = waiting_places()
    assert re.search(r"1 × \S*hears \(test_chaos_verdict.py:\d+\) → \S*words \(\S+\) → sleep \(tasks.py:\d+\)", shown)
    hearing.cancel()
