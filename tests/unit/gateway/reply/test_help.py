"""A learner who is stuck: the partner's offer after a long silence, and hints on request."""

from __future__ import annotations

import json

import pytest

from common.errors import UnavailableError
from gateway.history import LearnerTurn, PartnerTurn, SessionScenario, SessionState, Turn
from gateway.ports import AsrEvent, SpeechStarted
from gateway.protocol import AiAudioStart, AiText, Hint, HintMessage, Interrupted
from gateway.reply.help import help_is_due_after_s, offer
from gateway.reply.lines import FOLDER, lines_in
from gateway.reply.partner import MANNERS
from tests.support.conversation import Conversation, at, eager, end, one_turn, text

REPLY = "Hello there, my friend."
HELP = "Take your time."
OTHER_TOPIC = "Shall we talk about something else? What did you do today?"
CAFE = SessionScenario(
    id="cafe",
    title="At the café",
    language="en",
    partner="Maya",
    learner="a customer",
    setting="A café.",
    goal="Order something.",
    opening="What can I get for you?",
    phrases=("Can I have a coffee, please?", "How much is it?"),
    tasks=(),
)


def learner(said: str, *, typed: bool = False) -> LearnerTurn:
    return LearnerTurn(turn_id="l", text=said, started_s=0, typed=typed)


def partner(said: str) -> PartnerTurn:
    return PartnerTurn(turn_id="p", text=said, generated_text=said, started_s=0)


def state(**changes: object) -> SessionState:
    return SessionState.model_validate({"session_id": "s", "created_at": 0, **changes})


def said(talk: Conversation) -> list[str]:
    """What the partner has written, reply by reply."""
    replies: dict[str, str] = {}
    for message in talk.of(AiText):
        replies[message.turn_id] = replies.get(message.turn_id, "") + message.text
    return list(replies.values())


# --- what is said


def test_the_partner_asks_its_last_question_again() -> None:
    turns: list[Turn] = [learner("I like tea."), partner("Tea is nice! What do you eat with it?")]
    assert offer(state(), turns) == f"{HELP} What do you eat with it?"
    assert offer(state(), [partner("That is nice.")]).endswith(
        " Shall we talk about something else? What did you do today?"
    )
    assert offer(state(language="xx"), turns) == ""


def test_in_a_scenario_it_suggests_a_phrase_that_was_not_used_yet() -> None:
    turns: list[Turn] = [partner("What can I get for you?"), partner("Yes?")]
    assert offer(state(scenario=CAFE), turns).endswith("for example: Can I have a coffee, please?")
    turns = [learner("Hello! Can I have a coffee please"), partner("Of course. Anything else?")]
    assert offer(state(scenario=CAFE), turns).endswith("for example: How much is it?")


@pytest.mark.parametrize("language", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_every_language_has_help_and_hints(language: str) -> None:
    lines = lines_in(language)
    assert lines.help is not None
    assert "{phrase}" in lines.help.could_say
    assert lines.hints.keys() == MANNERS.keys()
    assert all(len(set(hints)) == 3 for hints in lines.hints.values())


def test_a_silence_is_long_by_the_level_and_by_the_learners_own_pauses() -> None:
    assert help_is_due_after_s(12, patience=1.0, usual_pause_ms=0) == 12
    assert help_is_due_after_s(12, patience=1.5, usual_pause_ms=300) == 18
    assert help_is_due_after_s(12, patience=1.0, usual_pause_ms=900) == 18
    assert help_is_due_after_s(12, patience=1.0, usual_pause_ms=9000) == 24


# --- when


@pytest.mark.looptime
async def test_help_is_offered_once_after_a_long_silence() -> None:
    talk = Conversation(help_after_s=12)
    talk.asr.script = [*one_turn()]
    async with talk.running():
        await talk.speak(14)
        assert said(talk) == [REPLY]  # the reply ended about eleven seconds ago
        await talk.speak(4)
        assert said(talk)[1:] == [f"{HELP} {OTHER_TOPIC}"]
        await talk.speak(60)
    assert len(said(talk)) == 2
    assert len(talk.llm.asked) == 1


@pytest.mark.looptime
@pytest.mark.parametrize("help_after_s", [0, 12])
async def test_no_help_is_offered_to_one_who_types_nor_if_it_is_off(help_after_s: float) -> None:
    talk = Conversation(help_after_s=help_after_s)
    async with talk.running():
        if help_after_s:
            await talk.post(text("hi"))
        else:
            talk.asr.script = [*one_turn()]
        await talk.speak(60)
    assert said(talk) == [REPLY]


@pytest.mark.looptime
async def test_no_help_is_offered_before_anything_was_said() -> None:
    talk = Conversation(help_after_s=12)
    async with talk.running():
        await talk.speak(60)
    assert not said(talk)


@pytest.mark.looptime
async def test_a_learner_who_begins_just_then_is_not_talked_over() -> None:
    talk = Conversation(help_after_s=12)
    second: list[tuple[int, AsrEvent]] = [
        (at(15.6), SpeechStarted(at(15.5))),
        (at(17.0), eager("I am tired")),
        (at(17.5), end("I am tired")),
    ]
    talk.asr.script = [*one_turn(), *second]
    async with talk.running():
        await talk.speak(10)
        talk.tts.delay_s = 1.5  # so the learner begins to speak while the help is being made
        await talk.speak(20)
    assert len(said(talk)) == 3
    assert len(talk.of(AiAudioStart)) == 2
    assert [message.heard_text for message in talk.of(Interrupted)] == [""]
    assert talk.llm.asked[-1][-1].content == "I am tired"


@pytest.mark.looptime
async def test_help_can_be_interrupted_like_any_reply() -> None:
    talk = Conversation(help_after_s=12)
    talk.asr.script = [*one_turn()]
    async with talk.running():
        await talk.speak(14)
        while len(said(talk)) == 1:
            await talk.speak(0.1)
        await talk.speak(1.0)
        await talk.post(text("I'm back."))
        await talk.speak(5)
    assert talk.of(Interrupted)[-1].heard_text.startswith("Take your")


# --- hints


def hints(talk: Conversation) -> list[tuple[str, ...]]:
    return [message.sentences for message in talk.of(HintMessage)]


async def ask(talk: Conversation, **changes: object) -> list[tuple[str, ...]]:
    async with talk.running():
        await talk.post(text("hi"))
        await talk.speak(4)
        if changes:
            await talk.session._record.change(**changes)
        await talk.post(Hint(type="hint"))
        await talk.speak(10)
    return hints(talk)


@pytest.mark.looptime
async def test_the_model_writes_a_hint_from_what_was_said() -> None:
    talk = Conversation()
    talk.llm.answer = json.dumps({"sentences": ["I like tea.", " What do you like? ", "I like"]})
    assert await ask(talk) == [("I like tea.", "What do you like?")]
    question = talk.llm.generated[-1][-1].content
    assert "Learner: hi\nPartner: Hello there, my friend." in question


@pytest.mark.looptime
@pytest.mark.parametrize(
    "answer", [UnavailableError("LLM: away"), "", "[]", '{"sentences": "Hi."}', '{"sentences": ["One is too few."]}']
)
async def test_without_an_answer_the_hint_comes_from_the_list(answer: str | UnavailableError) -> None:
    talk = Conversation()
    talk.llm.answer = answer
    assert await ask(talk) == [lines_in("en").hints["intermediate"]]


@pytest.mark.looptime
async def test_in_a_scenario_the_hint_comes_from_its_phrases() -> None:
    assert await ask(Conversation(), scenario=CAFE.model_dump()) == [CAFE.phrases]


@pytest.mark.looptime
async def test_a_small_model_is_not_asked_for_hints() -> None:
    talk = Conversation()
    talk.llm.is_small = True
    assert await ask(talk) == [lines_in("en").hints["intermediate"]]
    assert not talk.llm.generated


@pytest.mark.looptime
async def test_a_language_without_lines_has_no_hints() -> None:
    assert await ask(Conversation(), language="xx") == [()]
