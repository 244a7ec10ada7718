"""Whole conversations, scripted, in virtual time: a learner on one side, fakes of the model servers on the other."""

from __future__ import annotations

import asyncio
import json

import pytest

from common.errors import InvalidInputError
from gateway.closing import LEFT
from gateway.history import LearnerTurn, PartnerTurn
from gateway.ports import EndOfTurn, SpeechStarted, TurnResumed
from gateway.protocol import (
    AiAudioStart,
    AiText,
    Captions,
    ErrorMessage,
    Interrupted,
    SetLevel,
    SpeechStartedMessage,
    SpeechStoppedMessage,
    TranscriptMessage,
    TurnComplete,
    read_client_message,
)
from tests.support.conversation import Conversation, at, eager, end, one_turn, start, text, transcript
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.looptime

REPLY = "Hello there, my friend."


async def test_a_spoken_turn_is_heard_shown_answered_and_kept() -> None:
    talk = Conversation()
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(2.0)
        await asyncio.sleep(5)
    assert [m.text for m in talk.of(TranscriptMessage)] == ["good mor", "good morning"]
    assert [m.is_final for m in talk.of(TranscriptMessage)] == [False, True]
    assert len(talk.of(SpeechStartedMessage)) == len(talk.of(SpeechStoppedMessage)) == 1
    assert "".join(m.text for m in talk.of(AiText)) == REPLY
    assert [m.is_complete for m in talk.of(AiText)][-1] is True
    assert len(talk.of(AiAudioStart)) == len(talk.of(TurnComplete)) == 1
    assert sum(len(audio) for audio in talk.of(bytes)) == 4 * int(0.3 * 24_000) * 2
    assert [word.text for m in talk.of(Captions) for word in m.words] == ["Hello", "there,", "my", "friend."]
    learner, partner = talk.store.sessions[talk.connected.session_id][2]
    assert isinstance(learner, LearnerTurn)
    assert isinstance(partner, PartnerTurn)
    assert (learner.text, partner.text, partner.interrupted) == ("good morning", REPLY, False)
    assert talk.closing == LEFT


async def test_the_reply_is_made_in_the_pause_and_let_out_at_the_end_of_the_turn() -> None:
    talk = Conversation()
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(1.68)
        assert talk.llm.asked
        assert not talk.of(AiText)
        await talk.speak(0.2)
        await asyncio.sleep(3)
    first_audio_s = next(t for t, m in talk.got if isinstance(m, bytes))
    final_s = next(t for t, m in talk.got if isinstance(m, TranscriptMessage) and m.is_final)
    assert first_audio_s == pytest.approx(final_s, abs=0.001)
    latency = talk.of(TurnComplete)[0].latency_ms
    assert latency["eager"] == pytest.approx(300, abs=25)
    assert latency["end_of_turn"] == pytest.approx(700, abs=25)
    assert latency["first_token"] == pytest.approx(400, abs=25)
    assert latency["first_audio_made"] < latency["end_of_turn"]
    assert latency["first_audio_sent"] == pytest.approx(700, abs=25)


async def test_under_load_a_reply_is_begun_only_at_the_end_of_the_turn() -> None:
    talk = Conversation(may_speculate=False)
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(1.68)
        assert not talk.llm.asked
        await talk.speak(0.2)
        await asyncio.sleep(3)
    assert len(talk.of(TurnComplete)) == 1
    assert [messages[-1].content for messages in talk.llm.asked] == ["good morning"]


async def test_a_learner_who_goes_on_after_a_pause_leaves_no_trace_of_the_reply_that_was_begun() -> None:
    talk = Conversation()
    talk.asr.script = [
        (at(0.2), SpeechStarted(at(0.1))),
        (at(1.3), eager("I think")),
        (at(1.6), TurnResumed(at(1.5))),
        (at(2.3), eager("I think so")),
        (at(2.7), end("I think so")),
    ]
    async with talk.running():
        await talk.speak(3.0)
        await asyncio.sleep(5)
    assert [messages[-1].content for messages in talk.llm.asked] == ["I think", "I think so"]
    assert len(talk.of(TurnComplete)) == 1
    assert not talk.of(Interrupted)
    assert [turn.text for turn in talk.store.sessions[talk.connected.session_id][2]] == ["I think so", REPLY]


async def test_patience_goes_by_the_level_and_by_the_learners_own_pauses() -> None:
    talk = Conversation()
    talk.asr.script = [(at(0.2), SpeechStarted(0)), (at(1.2), EndOfTurn(transcript("so"), usual_pause_ms=900))]
    async with talk.running():
        await talk.post(start(level="advanced"))
        await talk.speak(1.5)
        await talk.post(SetLevel(type="set_level", level="beginner"))
        await talk.speak(0.5)
    first, *_, last = talk.asr.patience
    assert first.factor < last.factor
    assert (first.usual_pause_ms, last.usual_pause_ms) == (0, 900)
    assert talk.store.sessions[talk.connected.session_id][0].usual_pause_ms == 900


async def talk_as(learner: str, store: MemoryStore, *, teaches_ms: int) -> list[int]:
    """Speak one turn as this learner. At its end, recognition has measured the pause `teaches_ms`. Returns the usual
    pauses that recognition was given."""
    talk = Conversation(store=store)
    talk.asr.script = [(at(0.2), SpeechStarted(0)), (at(1.2), EndOfTurn(transcript("so"), usual_pause_ms=teaches_ms))]
    async with talk.running():
        await talk.post(start(learner=learner))
        await talk.speak(1.5)
    return [patience.usual_pause_ms for patience in talk.asr.patience]


async def test_the_usual_pause_goes_with_the_learner_to_the_next_conversation() -> None:
    store = MemoryStore()
    anna, boris = "a" * 16, "b" * 16
    assert (await talk_as(anna, store, teaches_ms=900))[0] == 0
    assert (await talk_as(anna, store, teaches_ms=0))[-1] == 900
    assert (await talk_as(anna, store, teaches_ms=700))[-1] == 900  # this conversation does not use the new pause yet
    assert set(await talk_as(boris, store, teaches_ms=0)) == {0}
    assert store.usual_pauses_ms == {f"own:{anna}": 700}


async def test_a_store_that_is_away_costs_the_memory_of_the_learner_not_the_conversation() -> None:
    store = MemoryStore(away=True)
    assert set(await talk_as("a" * 16, store, teaches_ms=900)) == {0}
    assert not store.usual_pauses_ms


@pytest.mark.parametrize("made_up", ["", "too-short", "x" * 65, "with a space in it", "ünïcödé-ünïcödé-ü"])
def test_an_id_that_a_client_makes_up_is_bounded(made_up: str) -> None:
    with pytest.raises(InvalidInputError, match="learner"):
        read_client_message(json.dumps({"type": "start", "learner": made_up}))


async def test_a_microphone_that_is_switched_off_after_the_last_word_does_not_stop_the_turn_from_ending() -> None:
    talk = Conversation()
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(1.1)
        await asyncio.sleep(5)
    assert talk.of(TurnComplete)


async def test_the_level_changes_how_the_partner_speaks_from_the_next_reply_on() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(start(level="advanced"))
        await talk.post(text("hi"))
        await asyncio.sleep(3)
        await talk.post(SetLevel(type="set_level", level="beginner"))
        await talk.post(text("hi again"))
        await asyncio.sleep(3)
    prompts = [messages[0].content for messages in talk.llm.asked]
    assert "idiomatic" in prompts[0]
    assert "very simple words" in prompts[1]
    assert [limits.max_sentences for limits in talk.llm.limits] == [4, 3]
    assert all(limits.ends_with_question for limits in talk.llm.limits)
    assert talk.tts.speeds[1] < talk.tts.speeds[0]
    assert (talk.llm.limits[1].max_tokens or 0) < (talk.llm.limits[0].max_tokens or 0)
    assert talk.store.sessions[talk.connected.session_id][0].level == "beginner"


async def test_white_space_is_no_turn() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("  "))
        await asyncio.sleep(1)
    assert [m.code for m in talk.of(ErrorMessage)] == ["invalid_input"]
    assert not talk.llm.asked
