"""The analysis with a language model that fails, hangs, or writes nonsense."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from common.errors import BusyError, DeadlineError, EngineError, InvalidInputError, ServiceError, UnavailableError
from gateway.analysis import answers
from gateway.history import LearnerTurn, Turn
from tests.support.scripted_analysis import (
    CORRECTED,
    FEEDBACK,
    TURNS,
    Reply,
    ScriptedLlm,
    run,
    typed,
)

NONSENSE: list[Reply] = [
    "",
    "I would rather not.",
    "{",
    "}{",
    "[1, 2]",
    '{"corrected": 7, "summary": null}',
    '{"summary": "You talked about',
    '{"a":' * 5000 + "}" * 5000,
    {"summary": "uh " * 90, "next_steps": ["", "1", "2"], "cefr": "A1", "cefr_because": "A1"},
    {"summary": "What did you do?", "next_steps": ["Today I go to the market."], "cefr": "A1", "cefr_because": ""},
    {"summary": "A fine summary, is it?", "next_steps": "none", "cefr": "Z9", "cefr_because": "x", "corrected": {}},
    {
        "summary": "You talked about food and I'm glad to",
        "next_steps": ["1. I'm glad to meet you. I'm glad to hear that you're enjoying your holiday. I'm glad to"],
        "cefr": "A1",
        "cefr_because": "You use short",
    },
]


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_nonsense_leaves_parts_empty_with_a_reason_after_one_more_try(nonsense: Reply) -> None:
    analysis = await run(llm := ScriptedLlm(corrections=(nonsense,), feedback=(nonsense,)))
    assert set(analysis.unavailable) == {"summary", "grammar", "next_steps", "cefr", "fillers"}
    assert (analysis.summary, analysis.next_steps) == (None, ())
    assert {one.by for one in analysis.grammar.corrections} == {"rule"}
    assert analysis.vocabulary.words == 15
    assert sorted(llm.asked) == ["CorrectionsAnswer"] * 2 + ["FeedbackAnswer"] * 2


async def test_a_model_that_only_writes_nonsense_is_not_asked_about_every_piece() -> None:
    turns = typed(*(f"I like tea number {number}." for number in range(60)))
    await run(llm := ScriptedLlm(corrections=("nonsense",)), turns)
    assert llm.asked.count("CorrectionsAnswer") == 4  # two pieces, each twice


async def test_the_second_try_may_succeed_and_a_fence_does_no_harm() -> None:
    fenced = f"Here you are:\n```json\n{json.dumps(FEEDBACK)}\n```"
    analysis = await run(ScriptedLlm(corrections=("no", CORRECTED), feedback=("no", fenced)))
    assert set(analysis.unavailable) == {"cefr", "fillers"}
    assert analysis.summary


@pytest.mark.parametrize("kind", [UnavailableError, DeadlineError, EngineError, InvalidInputError])
async def test_a_failing_model_costs_only_its_own_parts(kind: type[ServiceError]) -> None:
    failure = kind("LLM: it is on fire.")
    turns = typed(*(f"I like tea number {number}." for number in range(60)))
    analysis = await run(llm := ScriptedLlm(corrections=(failure,), feedback=(failure,), notes=(failure,)), turns)
    for part in ("summary", "next_steps", "grammar"):
        assert "it is on fire" in analysis.unavailable[part]
    assert analysis.vocabulary.words == 300
    assert len(analysis.timeline) == 60
    assert sorted(llm.asked) == ["CorrectionsAnswer", "FeedbackAnswer", "NoteAnswer"]  # no question was repeated


async def test_a_model_that_is_busy_with_learners_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "BUSY_PAUSE_S", 0.01)
    analysis = await run(llm := ScriptedLlm(corrections=(BusyError("LLM: no slot."), CORRECTED)))
    assert "grammar" not in analysis.unavailable
    assert llm.asked.count("CorrectionsAnswer") == 2


async def test_a_hanging_model_is_left_when_the_time_is_up() -> None:
    analysis = await run(llm := ScriptedLlm(corrections=(None,), feedback=(None,)), timeout_s=0.05)
    assert set(analysis.unavailable) == {"summary", "grammar", "next_steps", "cefr", "fillers"}
    assert "in time" in analysis.unavailable["grammar"]
    assert {part: told.code for part, told in analysis.unavailable_codes.items()} == {
        "summary": "too_late",
        "grammar": "too_late",
        "next_steps": "too_late",
        "cefr": "too_few_words",
        "fillers": "no_fillers",
    }
    assert analysis.unavailable_codes["cefr"].values == {"count": 15, "needed": 50}
    assert llm.cancelled == len(llm.asked) == 2


async def test_slow_corrections_leave_time_for_the_summary() -> None:
    analysis = await run(ScriptedLlm(corrections=(None,)), timeout_s=1)
    assert analysis.summary == FEEDBACK["summary"]
    assert "grammar" in analysis.unavailable


async def test_cancelling_is_passed_on() -> None:
    llm = ScriptedLlm(corrections=(None,))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(llm, timeout_s=60))
        await llm.hangs.wait()
        task.cancel()
    assert task.cancelled()
    assert llm.cancelled == 1
    assert llm.asked == ["CorrectionsAnswer"]


async def test_a_bug_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        await run(ScriptedLlm(corrections=(ZeroDivisionError(),)))


@pytest.mark.parametrize("turns", [[], TURNS[:1], [LearnerTurn(turn_id="1", text=" … ", started_s=1)]])
async def test_an_empty_conversation_asks_the_model_nothing(turns: list[Turn]) -> None:
    analysis = await run(llm := ScriptedLlm(), turns)
    assert set(analysis.unavailable) == {"summary", "grammar", "next_steps", "cefr"}
    assert llm.asked == []


async def test_nothing_that_was_said_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await run(ScriptedLlm(feedback=("garbage about goldfish",)))
    assert "analysis of 3 turns" in caplog.text
    for said in ("goldfish", "market", "onions", "went"):
        assert said not in caplog.text
