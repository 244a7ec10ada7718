"""The page's state, a pure module, run in a browser."""

from __future__ import annotations

import random

import pytest
from playwright.async_api import Page

from tests.support.page_modules import call

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def phases(page: Page, *events: dict[str, object]) -> list[str]:
    live = {"type": "page.stage", "stage": "live"}
    expression = (
        "a.reduce(([s, seen], e) => [m.reduce(s, e), [...seen, m.phase(m.reduce(s, e))]], [m.initial(), []])[1]"
    )
    seen: list[str] = await call(page, "aitalk/state.js", expression, [live, *events])
    return seen[1:]


@pytest.mark.parametrize(("code", "goes_on"), [("not_saved", True), ("slow", True), ("unavailable", False)])
async def test_nobody_is_told_to_try_again_while_the_turn_goes_on(modules: Page, code: str, goes_on: bool) -> None:
    error = {"type": "error", "message": "something is wrong", "code": code, "retryable": True}
    told = "[(s => [s.notices.server.text, s.awaiting])(m.reduce({ ...m.initial(), awaiting: true }, a))][0]"
    text, awaiting = await call(modules, "aitalk/state.js", told, error)
    assert text == "Something is wrong." + ("" if goes_on else " You can simply try again.")
    assert awaiting is goes_on


@pytest.mark.parametrize(("seconds", "left"), [(120, "2 minutes"), (45, "45 seconds")])
async def test_the_end_of_the_days_time_is_announced(modules: Page, seconds: int, left: str) -> None:
    told = "m.reduce(m.initial(), a).notices.time.text"
    assert f"{left} left today" in await call(
        modules, "aitalk/state.js", told, {"type": "time_left", "seconds": seconds}
    )


async def test_a_turn_shows_what_was_really_said(modules: Page) -> None:
    events = [
        {"type": "transcript", "text": "I bought it.", "is_final": True},
        {"type": "transcript", "text": "Yes.", "is_final": True},
        {"type": "transcript_revised", "was": "I bought it.", "text": "I buyed it.", "turn_id": "t", "words": []},
        {"type": "transcript_revised", "was": "Never said.", "text": "Nor this.", "turn_id": "u", "words": []},
    ]
    texts = "a.reduce(m.reduce, m.initial()).turns.map((turn) => turn.text)"
    assert await call(modules, "aitalk/state.js", texts, events) == ["I buyed it.", "Yes."]


async def test_a_correction_keeps_its_reason_as_a_code(modules: Page) -> None:
    code = {"code": "these", "values": {}}
    said = {"type": "transcript", "text": "I like this apples.", "is_final": True}
    found = {"sentence": "I like this apples.", "original": "this", "corrected": "these", "turn_id": "t", "by": "rule"}
    events = [said, {"type": "correction", **found, "why": "For more than one …", "why_code": code}]
    kept = "a.reduce(m.reduce, m.initial()).turns[0].corrections.map((each) => each.why_code)"
    assert await call(modules, "aitalk/state.js", kept, events) == [code]


async def test_phases_of_a_turn(modules: Page) -> None:
    heard = {"type": "page.heard", "turnId": "t"}
    assert await phases(
        modules,
        {"type": "speech_started"},
        {"type": "speech_stopped"},
        {"type": "speech_started"},  # the learner was not done yet
        {"type": "speech_stopped"},
        {"type": "transcript", "text": "Hi", "is_final": True},
        {"type": "ai_text", "text": "Hello", "is_complete": False, "turn_id": "t"},
        {**heard, "heardMs": 20, "done": False},
        {**heard, "heardMs": 400, "done": True},
        {"type": "turn_complete", "turn_id": "t", "latency_ms": {}},
        {"type": "pong"},
        {"type": "of a newer server"},
    ) == ["hearing", "thinking", "hearing", *["thinking"] * 3, "speaking", "speaking", *["listening"] * 3]


async def test_a_lost_line_silences_all(modules: Page) -> None:
    events: list[dict[str, object]] = [
        {"type": "ai_text", "text": "Hello", "is_complete": False, "turn_id": "t"},
        {"type": "page.heard", "turnId": "t", "heardMs": 20, "done": False},
        {"type": "page.stage", "stage": "reconnecting"},
        {"type": "page.stage", "stage": "live"},
        {"type": "page.heard", "turnId": "t", "heardMs": 40, "done": False},  # a late message
    ]
    assert await phases(modules, *events) == ["thinking", "speaking", "reconnecting", "listening", "listening"]


CUTS: list[tuple[list[dict[str, object]], str]] = [
    ([{"type": "page.silenced"}, {"type": "interrupted", "turn_id": "t", "heard_text": ""}], "learner"),
    ([{"type": "interrupted", "turn_id": "t", "heard_text": ""}], "learner"),
    ([{"type": "page.stage", "stage": "reconnecting"}], "line"),
    ([{"type": "page.moving"}, {"type": "interrupted", "turn_id": "t", "heard_text": ""}], "line"),
    ([{"type": "page.stage", "stage": "parked"}], "pause"),
    ([{"type": "page.stage", "stage": "analysing"}], "end"),
    (
        [
            {"type": "error", "message": "LLM: away", "retryable": True},
            {"type": "interrupted", "turn_id": "t", "heard_text": ""},
        ],
        "error",
    ),
]


@pytest.mark.parametrize(("events", "cause"), CUTS)
async def test_why_a_reply_ended_early(modules: Page, events: list[dict[str, object]], cause: str) -> None:
    begun = [
        {"type": "page.stage", "stage": "live"},
        {"type": "ai_text", "text": "Hello", "is_complete": False, "turn_id": "t"},
        {"type": "page.heard", "turnId": "t", "heardMs": 20},
    ]
    turns = await call(modules, "aitalk/state.js", "a.reduce(m.reduce, m.initial()).turns", [*begun, *events])
    assert (turns[0]["status"], turns[0]["cutBy"]) == ("interrupted", cause)


EVENTS: tuple[dict[str, object], ...] = (
    {"type": "speech_started"},
    {"type": "speech_stopped"},
    {"type": "transcript", "text": "Hi", "is_final": False},
    {"type": "transcript", "text": "Hi there", "is_final": True},
    {"type": "transcript", "text": "", "is_final": True},
    {"type": "page.typed", "text": "Hello"},
    {"type": "page.silenced"},
    {"type": "page.moving"},
    {"type": "page.stage", "stage": "reconnecting"},
    {"type": "page.stage", "stage": "live"},
    {"type": "error", "message": "away", "retryable": True},
    *(
        {**event, "turn_id": turn, "turnId": turn}
        for turn in ("t1", "t2")
        for event in (
            {"type": "ai_text", "text": "One two", "is_complete": False},
            {"type": "captions", "words": [{"text": "One", "start_ms": 0, "end_ms": 90}]},
            {"type": "page.heard", "heardMs": 50},
            {"type": "interrupted", "heard_text": "One"},
            {"type": "turn_complete", "latency_ms": {}},
        )
    ),
)
STATES = """(() => {
  const states = [m.reduce(m.initial(), { type: 'page.stage', stage: 'live' })];
  for (const event of a) states.push(m.reduce(states.at(-1), event));
  return states.map((s) => ({ ...s, phase: m.phase(s), replying: m.replying(s), unanswered: m.unanswered(s) }));
})()"""


async def test_whatever_happens_the_state_holds_together(modules: Page) -> None:
    chance = random.Random(11)
    for _ in range(60):
        events = chance.choices(EVENTS, k=40)
        states = await call(modules, "aitalk/state.js", STATES, events)
        ended: dict[str, str] = {}
        for state in states:
            turns = state["turns"]
            assert len({turn["id"] for turn in turns}) == len(turns)
            assert sum(turn["status"] == "partial" for turn in turns) <= 1
            partners = {turn["id"]: turn for turn in turns if turn["who"] == "partner"}
            for turn_id, cause in ended.items():
                if partners[turn_id]["status"] == "interrupted":
                    assert partners[turn_id]["cutBy"] == cause  # the cause that is set first stays
            ended |= {id_: turn["cutBy"] for id_, turn in partners.items() if turn["status"] == "interrupted"}
            if state["phase"] == "listening":  # the page asks the learner to speak only when no reply is going on
                assert state["replying"] is None
            if state["stage"] != "live":
                assert state["phase"] == state["stage"]
            if state["unanswered"]:
                assert state["unanswered"]["typed"]
                assert state["phase"] == "listening"
