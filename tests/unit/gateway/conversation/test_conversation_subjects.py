"""What a conversation is about, and who begins it: scenarios, instructions, a partner who begins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.errors import InvalidInputError, SequenceError, UnavailableError
from gateway.conversation.beginning import subject_of
from gateway.history import LearnerTurn, PartnerTurn, SessionState
from gateway.ports import ChatMessage
from gateway.protocol import (
    AiText,
    AnalysisMessage,
    EndConversation,
    ErrorMessage,
    Interrupted,
    Resumed,
    TurnComplete,
)
from gateway.reply.partner import JOE
from gateway.reply.prompt import SOMETHING
from gateway.scenarios import Library, load_library
from tests.support.conversation import Conversation, one_turn, start, text

pytestmark = pytest.mark.looptime

SCENARIOS = load_library()
CAFE = SCENARIOS.scenarios["cafe"]


def in_the_library() -> Conversation:
    return Conversation(scenarios=SCENARIOS)


def asked(talk: Conversation, number: int = 0) -> list[tuple[str, str]]:
    """A prompt that the model got, without the examples: (role, text) of each message."""
    return said(talk.llm.asked[number])


def said(prompt: Sequence[ChatMessage]) -> list[tuple[str, str]]:
    pairs = [(message.role, message.content) for message in prompt]
    learners = [content for role, content in pairs if role == "user"]
    first = pairs.index(("user", SOMETHING)) if SOMETHING in learners else len(pairs) - 1
    return [pairs[0], *pairs[first:]]


# --- who opens the conversation


async def test_the_partner_opens_a_scenario_with_its_opening_line_and_the_model_is_not_asked() -> None:
    talk = in_the_library()
    async with talk.running():
        await talk.post(start(scenario="cafe", partner_begins=True))
        await asyncio.sleep(10)
        assert not talk.llm.asked
        assert "".join(message.text for message in talk.of(AiText)) == CAFE.opening
        assert len(talk.of(TurnComplete)) == 1
        await talk.post(text("A tea, please."))
        await asyncio.sleep(5)
    assert asked(talk)[1:] == [("user", SOMETHING), ("assistant", CAFE.opening), ("user", "A tea, please.")]
    _, _, turns = talk.store.sessions[talk.connected.session_id]
    assert [type(turn) for turn in turns] == [PartnerTurn, LearnerTurn, PartnerTurn]
    assert turns[0].text == CAFE.opening


async def test_without_a_scenario_the_model_writes_what_the_partner_opens_with() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(start(partner_begins=True))
        await asyncio.sleep(5)
        assert len(talk.of(TurnComplete)) == 1
        await talk.post(text("I am fine."))
        await asyncio.sleep(5)
    first, second = (asked(talk, number) for number in (0, 1))
    assert first[1:] == [("user", SOMETHING)]
    assert second[: len(first)] == first  # the model server has already read this part
    _, _, turns = talk.store.sessions[talk.connected.session_id]
    assert [type(turn) for turn in turns] == [PartnerTurn, LearnerTurn, PartnerTurn]


async def test_the_partner_does_not_begin_unless_the_client_requests_it() -> None:
    for choices in ({}, {"scenario": "cafe"}, {"scenario": "cafe", "partner_begins": False}):
        talk = in_the_library()
        async with talk.running():
            await talk.post(start(**choices))
            await asyncio.sleep(10)
        assert not talk.of(AiText)


async def test_a_learner_who_speaks_interrupts_the_opening() -> None:
    talk = in_the_library()
    talk.asr.script = list(one_turn("a tea please"))
    async with talk.running():
        await talk.post(start(scenario="cafe", partner_begins=True))
        await asyncio.sleep(0.5)
        await talk.speak(2.0)
        await asyncio.sleep(5)
    assert talk.of(Interrupted)
    assert CAFE.opening.startswith(talk.of(Interrupted)[0].heard_text)
    assert len(talk.of(TurnComplete)) == 1


async def test_an_opening_that_the_model_fails_to_write_leaves_the_floor_to_the_learner() -> None:
    talk = Conversation()
    talk.llm.reply = (UnavailableError("LLM: away"),)
    async with talk.running():
        await talk.post(start(partner_begins=True))
        await asyncio.sleep(5)
        talk.llm.reply = ("Hello!",)
        await talk.post(text("hi"))
        await asyncio.sleep(5)
    assert [message.message for message in talk.of(ErrorMessage)] == ["LLM: away"]
    assert len(talk.of(TurnComplete)) == 1


async def test_after_the_opening_a_start_comes_too_late() -> None:
    talk = in_the_library()
    async with talk.running():
        await talk.post(start(partner_begins=True))
        await asyncio.sleep(0.1)
        with pytest.raises(SequenceError, match="first"):
            await talk.post(start(scenario="cafe"))


# --- what it is about


async def test_the_scenario_and_the_level_decide_what_the_model_is_told() -> None:
    talk = in_the_library()
    async with talk.running():
        await talk.post(start(scenario="cafe", level="beginner"))
        await talk.post(text("hi"))
        await asyncio.sleep(5)
    system = asked(talk)[0][1]
    for told in (CAFE.partner, CAFE.learner, CAFE.setting, CAFE.facts or "?", "beginner"):
        assert told in system
    assert JOE.who not in system


async def test_a_clients_own_instructions_take_the_place_of_joe_and_of_the_examples() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(start(instructions=" You are a pirate. ", level="advanced"))
        await talk.post(text("hi"))
        await asyncio.sleep(5)
    (system,) = (message.content for message in talk.llm.asked[0] if message.role == "system")
    assert system.startswith("You are a pirate.\n")
    assert "advanced" in system
    assert [message.content for message in talk.llm.asked[0][1:]] == ["hi"]


async def test_an_unknown_scenario_is_an_error_and_the_conversation_goes_on_with_the_other_choices() -> None:
    talk = in_the_library()
    async with talk.running():
        await talk.post(start(scenario="moon", level="advanced", partner_begins=True))
        await asyncio.sleep(5)
        await talk.post(text("hi"))
        await asyncio.sleep(5)
    (error,) = talk.of(ErrorMessage)
    assert (error.code, error.retryable) == ("invalid_input", False)
    assert "'moon'" in error.message
    assert "GET /scenarios" in error.message
    assert len(talk.of(TurnComplete)) == 2  # the partner has begun nevertheless
    assert JOE.who in asked(talk)[0][1]
    assert talk.store.sessions[talk.connected.session_id][0].level == "advanced"


async def test_both_a_scenario_and_instructions_are_an_error_and_neither_is_used() -> None:
    talk = in_the_library()
    async with talk.running():
        await talk.post(start(scenario="cafe", instructions="You are a pirate."))
        await talk.post(text("hi"))
        await asyncio.sleep(5)
    (error,) = talk.of(ErrorMessage)
    assert error.code == "invalid_input"
    assert "send one of them" in error.message
    assert JOE.who in asked(talk)[0][1]


# --- it goes on at any gateway


async def carried_on(first: Conversation, **choices: Any) -> Conversation:
    """Go on with the conversation at a gateway that has no scenarios."""
    second = Conversation(store=first.store)
    async with second.running():
        token = first.connected
        await second.post(start(session_id=token.session_id, resume_token=token.resume_token, **choices))
        await asyncio.sleep(10)
        await second.post(text("and a cake"))
        await asyncio.sleep(5)
    return second


async def test_a_scenario_goes_on_at_a_gateway_that_does_not_have_it() -> None:
    first = in_the_library()
    async with first.running():
        await first.post(start(scenario="cafe", partner_begins=True))
        await asyncio.sleep(10)
    for choices in ({}, {"scenario": "cafe", "partner_begins": True}):
        second = await carried_on(first, **choices)
        assert [(m.scenario, m.turns > 0) for m in second.of(Resumed)] == [("cafe", True)]
        assert not second.of(ErrorMessage)
        assert CAFE.partner in asked(second)[0][1]
        assert len(second.of(TurnComplete)) == 1  # nobody began again


async def test_an_opening_that_nobody_heard_is_said_where_the_conversation_goes_on() -> None:
    first = in_the_library()
    async with first.running():
        await first.post(start(scenario="cafe", partner_begins=True))
        await asyncio.sleep(0.01)
    assert first.store.sessions[first.connected.session_id][2] == []
    second = await carried_on(first)
    assert "".join(message.text for message in second.of(AiText)).startswith(CAFE.opening)


async def test_instructions_go_on_at_another_gateway() -> None:
    first = Conversation()
    async with first.running():
        await first.post(start(instructions="You are a pirate."))
        await asyncio.sleep(0.1)
    second = await carried_on(first)
    assert second.llm.asked[0][0].content.startswith("You are a pirate.\n")
    assert second.of(Resumed)[0].scenario is None


async def test_the_analysis_says_what_was_done_in_the_scenario() -> None:
    talk = in_the_library()
    async with talk.running():
        await talk.post(start(scenario="cafe"))
        await talk.post(text("Can I have a tea, please?"))
        await asyncio.sleep(5)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(100)
    (message,) = talk.of(AnalysisMessage)
    tasks = {task["id"]: task["measured"] for task in message.data["goals"]["tasks"]}
    assert tasks == {"order-drink": True, "order-food": False, "ask-soup": False, "ask-price": False, "pay": False}


# --- the choice itself

STATE = SessionState(session_id="s", created_at=0)


def test_a_scenario_brings_its_language_and_takes_the_place_of_instructions() -> None:
    state = STATE.model_copy(update={"language": "de", "instructions": "You are a pirate."})
    changes = subject_of(start(scenario="cafe"), state, SCENARIOS)
    assert changes == {"scenario": CAFE.for_session(), "instructions": "", "language": "en"}


def test_instructions_take_the_place_of_a_scenario() -> None:
    state = STATE.model_copy(update={"scenario": CAFE.for_session()})
    changes = subject_of(start(instructions="You are a pirate."), state, SCENARIOS)
    assert changes == {"instructions": "You are a pirate.", "scenario": None}


def test_a_start_without_a_subject_changes_nothing() -> None:
    state = STATE.model_copy(update={"scenario": CAFE.for_session()})
    assert subject_of(start(level="advanced"), state, Library({})) == {}
    assert subject_of(start(scenario="cafe"), state, Library({})) == {}


@pytest.mark.parametrize(("language", "fits"), [("en", True), ("en-GB", True), ("de", False)])
def test_a_scenario_is_used_in_the_language_in_which_it_is_written(language: str, fits: bool) -> None:
    wanted = start(scenario="cafe", language=language)
    if fits:
        assert subject_of(wanted, STATE, SCENARIOS)["language"] == language
    else:
        with pytest.raises(InvalidInputError, match=r"written in 'en', not in 'de'.*choose another one"):
            subject_of(wanted, STATE, SCENARIOS)
