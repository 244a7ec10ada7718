"""Corrections during the conversation: what is sent, when the model is asked, and that no reply waits for a
correction."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway.conversation.correction_lane import LATEST_TURNS, MOST_TRIES
from gateway.history import LearnerTurn
from gateway.ports import SpeechStarted
from gateway.protocol import (
    AiAudioStart,
    AnalysisMessage,
    CorrectionMessage,
    EndConversation,
    ErrorMessage,
    TurnComplete,
)
from gateway.reply.prompt import CORRECT_ALOUD, RECAST, Briefing, system_prompt
from tests.support.conversation import Conversation, at, start, text
from tests.support.fakes import FakeLlm

SAID = "Yesterday I goed to the market. It was nice."
RIGHT = json.dumps({"corrected": ["Yesterday I went to the market.", "It was nice."]})
WRONG_ARTICLE = "I have idea for the weekend."
RIGHT_ARTICLE = json.dumps({"corrected": ["I have an idea for the weekend."]})
REASON = json.dumps({"reasons": ["One idea of many: “an idea”."]})


def conversation(*answers: str, **options: Any) -> tuple[Conversation, FakeLlm]:
    llm = FakeLlm(first_answers=list(answers), **options)
    return Conversation(llm=llm), llm


async def heard(talk: Conversation, said: str, *, after_s: float = 5.0) -> None:
    """Type a turn, and wait until its reply was heard and `after_s` more seconds have passed."""
    before = len(talk.of(TurnComplete))
    await talk.post(text(said))
    while len(talk.of(TurnComplete)) == before:
        await asyncio.sleep(0.05)
    await asyncio.sleep(after_s)


def shown(talk: Conversation) -> list[tuple[str, str, str, str]]:
    return [(one.original, one.corrected, one.why, one.by) for one in talk.of(CorrectionMessage)]


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("aitalk_gateway_corrected_turns_total", {"outcome": outcome}) or 0.0


@pytest.mark.looptime
async def test_a_mistake_is_corrected_beside_the_conversation_with_a_reason() -> None:
    talk, llm = conversation(RIGHT_ARTICLE, REASON)
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, WRONG_ARTICLE)
        (turn,) = (turn for turn in talk.session.turns if isinstance(turn, LearnerTurn))
    assert shown(talk) == [("idea", "an idea", "One idea of many: “an idea”.", "model")]
    (message,) = talk.of(CorrectionMessage)
    assert (message.turn_id, message.sentence) == (turn.turn_id, WRONG_ARTICLE)
    assert len(llm.meanwhile) == 2
    assert not llm.generated  # each question was asked so that it gives way to learners' replies


@pytest.mark.looptime
@pytest.mark.parametrize("fields", [{}, {"corrections": "at the end"}])
async def test_nothing_is_corrected_before_the_end_unless_the_client_asks_for_it(fields: dict[str, str]) -> None:
    talk, llm = conversation(RIGHT)
    async with talk.running():
        await talk.post(start(**fields))
        await heard(talk, SAID)
    assert not shown(talk)
    assert not llm.meanwhile


@pytest.mark.looptime
async def test_a_small_model_is_not_asked_but_the_rules_still_correct() -> None:
    talk, llm = conversation(RIGHT, is_small=True)
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, SAID)
        await heard(talk, "It was very nice there.")
    assert [one[:2] for one in shown(talk)] == [("goed", "went")]
    assert not llm.meanwhile


@pytest.mark.looptime
async def test_a_small_model_that_was_trained_to_correct_is_not_asked_for_reasons() -> None:
    talk, llm = conversation("We went there.", "I saw a very big dog.", is_small=True)
    llm.is_trained_to_correct = True
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, "We goed there. I saw very big dog.")
    assert shown(talk) == [
        ("goed", "went", "The verb is irregular: its past tense is “went”.", "rule"),
        ("very", "a very", "The article “a” is missing.", "model"),
    ]
    assert [messages[-1].content for messages in llm.meanwhile] == ["We goed there.", "I saw very big dog."]


@pytest.mark.looptime
async def test_a_rules_reason_comes_in_the_learners_own_language_now_and_in_the_analysis() -> None:
    talk, _ = conversation(is_small=True)
    async with talk.running():
        await talk.post(start(corrections="beside", native_language="de"))
        await heard(talk, SAID)
        await talk.post(EndConversation(type="end_conversation"))
        while not talk.of(AnalysisMessage):
            await asyncio.sleep(0.1)
    (analysis,) = talk.of(AnalysisMessage)
    (message,) = talk.of(CorrectionMessage)
    assert message.why == "Das Verb ist unregelmäßig: Die Vergangenheit ist „went“."
    assert message.why_code == {"code": "irregular_past", "values": {"past": "went"}}
    (found,) = analysis.data["grammar"]["corrections"]
    assert (found["why"], found["why_code"]) == (message.why, message.why_code)


@pytest.mark.looptime
async def test_a_correction_by_a_rule_is_not_sent_again_for_the_model() -> None:
    talk, _ = conversation(RIGHT)
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, SAID)
    assert [one[3] for one in shown(talk)] == ["rule"]


@pytest.mark.looptime
async def test_an_answer_that_is_another_sentence_is_not_believed() -> None:
    other = json.dumps({"corrected": ["Let us talk about something completely different today, my friend."]})
    talk, llm = conversation(other, other)
    before = counted("unusable")
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, WRONG_ARTICLE)
    assert not shown(talk)
    assert len(llm.meanwhile) == 2  # one question, tried twice
    assert counted("unusable") == before + 1


@pytest.mark.looptime
async def test_no_reply_waits_for_a_check_that_takes_long() -> None:
    delays = {}
    for corrections in ("at the end", "beside"):
        talk, llm = conversation(answer=RIGHT_ARTICLE, answer_s=20.0)
        async with talk.running():
            await talk.post(start(corrections=corrections))
            waits = []
            for _ in range(4):
                asked_s = asyncio.get_running_loop().time()
                sounds = len(talk.of(AiAudioStart))
                await talk.post(text(WRONG_ARTICLE))
                while len(talk.of(AiAudioStart)) == sounds:
                    await asyncio.sleep(0.01)
                waits.append(asyncio.get_running_loop().time() - asked_s)
                await asyncio.sleep(4)  # the reply was heard, and the check is running
            delays[corrections] = waits
        assert bool(llm.meanwhile) == (corrections == "beside")
    assert delays["beside"] == pytest.approx(delays["at the end"])


@pytest.mark.looptime
async def test_a_check_ends_when_the_learner_speaks_and_is_tried_again_after_the_next_reply() -> None:
    talk, llm = conversation(answer=RIGHT_ARTICLE, answer_s=3.0)
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, WRONG_ARTICLE, after_s=0.5)
        assert len(llm.meanwhile) == 1
        talk.asr.script = [(at(0.1), SpeechStarted(0))]
        await talk.speak(6)
        assert not shown(talk)
        await heard(talk, "Good.", after_s=12)
    assert ("idea", "an idea") in [one[:2] for one in shown(talk)]


@pytest.mark.looptime
async def test_a_busy_model_drops_the_oldest_turns() -> None:
    talk, llm = conversation(answer=RIGHT_ARTICLE, answer_s=60.0)
    before = counted("dropped")
    async with talk.running():
        await talk.post(start(corrections="beside"))
        for _ in range(LATEST_TURNS + 2):
            await heard(talk, WRONG_ARTICLE, after_s=0.5)
        assert counted("dropped") == before + 2
        for _ in range(MOST_TRIES):
            await heard(talk, "Yes.", after_s=0.5)
    assert not shown(talk)
    assert len(llm.meanwhile) >= LATEST_TURNS


@pytest.mark.looptime
async def test_a_turn_whose_last_try_was_cancelled_does_not_wait_for_ever() -> None:
    talk, _ = conversation(answer=RIGHT_ARTICLE, answer_s=60.0)
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await heard(talk, WRONG_ARTICLE, after_s=0.5)
        before, lane = counted("dropped"), talk.session._parts._corrections
        for _ in range(MOST_TRIES):
            trying = asyncio.create_task(lane.run())
            await asyncio.sleep(0.1)
            trying.cancel()
            await asyncio.wait({trying})
        await lane.run()  # the model doesn't answer in time
        assert counted("dropped") == before + 1


@pytest.mark.looptime
async def test_a_beginner_is_told_why_in_the_native_language() -> None:
    talk, llm = conversation(RIGHT_ARTICLE, REASON)
    async with talk.running():
        await talk.post(start(corrections="beside", level="beginner", native_language="pt-BR"))
        await heard(talk, WRONG_ARTICLE)
    assert "Explain each correction in Portuguese" in llm.meanwhile[1][0].content
    assert len(llm.meanwhile[1]) == 2  # there is no example, because it would be in another language


@pytest.mark.looptime
async def test_a_native_language_that_is_the_one_practised_is_refused() -> None:
    talk, _ = conversation()
    async with talk.running():
        await talk.post(start(native_language="en-GB", corrections="beside"))
        await asyncio.sleep(0.1)
    (error,) = talk.of(ErrorMessage)
    assert "`native_language` is 'en-GB', which is the language that is practised" in error.message


def test_the_partner_is_told_how_to_treat_mistakes_and_the_native_language() -> None:
    assert RECAST in system_prompt(Briefing())
    aloud = system_prompt(Briefing(corrects_aloud=True))
    assert CORRECT_ALOUD in aloud
    assert RECAST not in aloud
    assert "own language" not in aloud
    own = system_prompt(Briefing(native_language="de", level="beginner"))
    assert "Your friend's own language is German." in own
    assert "explain it in German" in own
    assert "explain it in simple English" in system_prompt(Briefing(native_language="de"))
    small = Briefing(native_language="de", corrects_aloud=True, is_small=True)
    assert system_prompt(small) == system_prompt(Briefing(is_small=True))
