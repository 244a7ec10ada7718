"""Conversations led by the client: it ends turns, requests replies, and changes the history."""

from __future__ import annotations

import asyncio

import pytest

from common.errors import UnavailableError
from gateway.conversation.conduct import (
    AddTurn,
    CancelReply,
    Conduct,
    Configure,
    DeleteTurn,
    TruncateTurn,
)
from gateway.history import LearnerTurn, PartnerTurn, Turn
from gateway.notices import ReplyBegan, ReplyEnded, ReplySent, TurnDropped, TurnOver, TurnTruncated, VoiceBegan
from gateway.ports import ChatMessage, EndOfTurn, Patience, ReplyLimits, SpeechStarted
from gateway.protocol import AiAudioStart, AiText, ErrorMessage, Interrupted, TurnComplete
from gateway.reply.request import Delivery, ReplyRequest
from tests.support.conversation import Conversation, at, end, one_turn, transcript
from tests.support.fakes import FakeLlm, FakeTts

pytestmark = pytest.mark.looptime

BY_HAND = Conduct(detects_turns=False, answers_turns=False)


def a_talk(conduct: Conduct | None = None) -> Conversation:
    return Conversation(conduct=conduct or Conduct(), with_notices=True)


def kept(talk: Conversation) -> list[Turn]:
    return talk.store.sessions[talk.connected.session_id][2]


def first(talk: Conversation) -> LearnerTurn:
    turn = kept(talk)[0]
    assert isinstance(turn, LearnerTurn)
    return turn


def ask(request_id: str = "r", *, speaks: bool = True, instructions: str | None = None) -> ReplyRequest:
    return ReplyRequest(request_id, Delivery(speaks=speaks), instructions)


def typed(turn_id: str, text: str) -> LearnerTurn:
    return LearnerTurn(turn_id=turn_id, text=text, started_s=0, typed=True)


async def test_notices_tell_a_turn_and_its_reply_in_order() -> None:
    talk = a_talk()
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(2.0)
        await asyncio.sleep(5)
    kinds = VoiceBegan | TurnOver | ReplyBegan | ReplySent | ReplyEnded
    notices = [notice for _, notice in talk.got if isinstance(notice, kinds)]
    began, over, reply, sent, ended = notices
    assert began == VoiceBegan(first(talk).turn_id, 0.1)
    assert isinstance(over, TurnOver)
    assert isinstance(reply, ReplyBegan)
    assert over == TurnOver(first(talk).turn_id, first(talk), 0.0, 1.0)
    turn_id = reply.turn_id
    assert (reply.request_id, sent) == ("", ReplySent(turn_id, end=talk.llm.end))
    assert ended == ReplyEnded(turn_id, "complete", "Hello there, my friend.")


async def test_nothing_is_noticed_unless_it_is_wanted() -> None:
    talk = Conversation()
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(2.0)
    assert not talk.of(TurnOver)


async def test_the_client_ends_a_turn_and_asks_for_the_reply() -> None:
    talk = a_talk(BY_HAND)
    talk.asr.script = [
        (at(0.2), SpeechStarted(at(0.1))),
        (at(0.9), EndOfTurn(transcript("good", at(0.1), at(0.5)))),
        (at(5.0), EndOfTurn(transcript("morning", at(1.0), at(1.5)))),  # comes only when the stream is finished
    ]
    async with talk.running():
        await talk.speak(2.0)
        await talk.audio.cut(turn_id="mine")
        await asyncio.sleep(1)
        assert not talk.of(AiText)
        over = talk.of(TurnOver)
        assert over == [TurnOver("mine", first(talk), 0.1, 1.5)]
        assert first(talk).turn_id == "mine"
        assert kept(talk)[0].text == "good morning"
        await talk.post(ask())
        await asyncio.sleep(4)
        talk.asr.script = [(at(0.2), end("once more"))]
        await talk.speak(0.5)
        await talk.audio.cut()
        await asyncio.sleep(0.1)
    assert [message.content for message in talk.llm.asked[0][-1:]] == ["good morning"]
    assert talk.of(ReplyBegan)[0].request_id == "r"
    assert [turn.text for turn in kept(talk)] == ["good morning", "Hello there, my friend.", "once more"]
    assert talk.of(TurnOver)[1].began_s == 2.0  # the time counts over both streams


async def test_a_turn_without_words_and_one_that_is_cleared_are_not_kept() -> None:
    talk = a_talk(BY_HAND)
    async with talk.running():
        await talk.speak(0.5)
        await talk.audio.cut()
        await talk.audio.cut()
        talk.asr.script = [(at(9), end("never mind"))]
        await talk.speak(0.5)
        await talk.audio.cut(keep=False)
        await asyncio.sleep(0.1)
        assert talk.of(TurnOver) == [TurnOver("", None), TurnOver("", None)]
        assert not kept(talk)


async def test_a_turn_whose_recognition_failed_says_why() -> None:
    talk = a_talk(BY_HAND)
    failure = UnavailableError("ASR: away")
    talk.asr.script = [(at(0.2), failure)]
    async with talk.running():
        await talk.speak(0.5)
        await talk.audio.cut()
        await asyncio.sleep(2)
    assert talk.of(TurnOver) == [TurnOver("", None, failure=failure)]
    assert len(talk.of(TurnDropped)) == 1


async def test_a_cut_ends_a_detected_turn_at_once_or_drops_it() -> None:
    for keep in (True, False):
        talk = a_talk()
        talk.asr.script = [(at(0.2), SpeechStarted(at(0.1))), (at(9), end("good morning"))]
        async with talk.running():
            await talk.speak(0.5)
            await talk.audio.cut(keep=keep)
            await asyncio.sleep(0.5)
            assert [turn.text for turn in kept(talk)][:1] == (["good morning"] if keep else [])
            assert len(talk.of(ReplyBegan)) == keep
            assert len(talk.of(TurnDropped)) == (not keep)


async def test_turns_can_be_kept_without_an_answer_and_still_interrupt() -> None:
    talk = a_talk(Conduct(answers_turns=False))
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.post(ask())
        await asyncio.sleep(0.5)
        await talk.speak(2.0)
        await asyncio.sleep(1)
    assert [notice.outcome for notice in talk.of(ReplyEnded)] == ["interrupted"]
    assert kept(talk)[-1].text == "good morning"
    assert len(talk.llm.asked) == 1


async def test_a_reply_that_is_not_to_be_interrupted_is_heard_to_its_end() -> None:
    talk = a_talk(Conduct(is_interruptible=False))
    talk.tts = FakeTts(word_s=1.0)
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.post(ask())
        await asyncio.sleep(0.5)
        await talk.speak(2.0)
        await asyncio.sleep(4)
    assert not talk.of(Interrupted)
    assert len(talk.of(TurnComplete)) == 1
    assert sorted(turn.text for turn in kept(talk)) == ["Hello there, my friend.", "good morning"]


async def test_a_reply_without_speech_is_text_only_and_kept_whole() -> None:
    talk = a_talk(Conduct(answers_turns=False, delivery=Delivery(speaks=False)))
    async with talk.running():
        await talk.post(ask(speaks=False))
        await asyncio.sleep(1)
        assert [turn.text for turn in kept(talk)] == ["Hello there, my friend."]
    assert not talk.of(AiAudioStart)
    assert "".join(message.text for message in talk.of(AiText)) == "Hello there, my friend."
    assert talk.tts.speeds == []


async def test_a_text_reply_that_is_cancelled_is_kept_as_far_as_it_was_shown() -> None:
    talk = a_talk(BY_HAND)
    talk.llm = FakeLlm(word_s=1.0)
    async with talk.running():
        await talk.post(ask(speaks=False))
        await asyncio.sleep(1.5)
        await talk.post(CancelReply())
        await asyncio.sleep(0.1)
        assert [(turn.text, isinstance(turn, PartnerTurn) and turn.interrupted) for turn in kept(talk)] == [
            ("Hello there,", True)
        ]


async def test_only_one_reply_is_under_way_but_one_that_is_only_played_on_counts_as_heard() -> None:
    talk = a_talk(BY_HAND)
    async with talk.running():
        await talk.post(ask("first"))
        await talk.post(ask("too soon"))
        await asyncio.sleep(0.5)  # the reply was sent, but is still being played
        assert len(talk.of(ReplySent)) == 1
        await talk.post(ask("second"))
        await asyncio.sleep(3)
    assert [notice.request_id for notice in talk.of(ReplyBegan)] == ["first", "second"]
    assert [error.code for error in talk.of(ErrorMessage)] == ["out_of_sequence"]
    assert [notice.outcome for notice in talk.of(ReplyEnded)] == ["complete", "complete"]


async def test_an_item_added_during_a_reply_comes_after_it() -> None:
    talk = a_talk(BY_HAND)
    async with talk.running():
        await talk.post(ask())
        await asyncio.sleep(0.5)
        await talk.post(AddTurn(typed("a", "and you?")))
        await talk.post(ask("second"))
        await asyncio.sleep(3)
        assert [turn.text for turn in kept(talk)] == ["Hello there, my friend.", "and you?", "Hello there, my friend."]
    assert talk.llm.asked[1][-1].content == "and you?"


async def test_an_aside_is_written_beside_a_reply_and_is_not_kept() -> None:
    talk = a_talk(BY_HAND)
    context = (typed("x", "Is this spam?"),)
    aside = ReplyRequest("aside", Delivery(speaks=False), "Classify.", context, is_aside=True)
    async with talk.running():
        await talk.post(AddTurn(typed("a", "good morning")))
        await talk.post(ask("main"))
        await talk.post(aside)
        await asyncio.sleep(3)
        assert [turn.text for turn in kept(talk)] == ["good morning", "Hello there, my friend."]
        talk.llm.word_s = 1.0
        await talk.post(ReplyRequest("long", Delivery(speaks=False), is_aside=True))
        await asyncio.sleep(1.5)
        await talk.post(CancelReply("long"))
        await asyncio.sleep(0.1)
    assert talk.llm.asked[1] == [ChatMessage("system", "Classify."), ChatMessage("user", "Is this spam?")]
    ended = {notice.turn_id: notice.outcome for notice in talk.of(ReplyEnded)}
    by_request = {notice.request_id: ended[notice.turn_id] for notice in talk.of(ReplyBegan)}
    assert by_request == {"main": "complete", "aside": "complete", "long": "interrupted"}
    assert talk.llm.open_streams == 0


async def test_the_history_can_be_added_to_deleted_from_and_truncated() -> None:
    talk = a_talk(BY_HAND)
    async with talk.running():
        await talk.post(AddTurn(typed("b", "two")))
        await talk.post(AddTurn(typed("a", "one"), is_last=False))
        await talk.post(AddTurn(typed("c", "between"), after="a", is_last=False))
        await talk.post(DeleteTurn("b"))
        await talk.post(ask())
        await asyncio.sleep(3)
        reply_id = talk.of(ReplyBegan)[0].turn_id
        await talk.post(TruncateTurn(reply_id, 700))
        await talk.post(TruncateTurn(reply_id, 99_000))  # a time after the reply's end changes nothing
        await asyncio.sleep(0.1)
        assert [turn.text for turn in kept(talk)] == ["one", "between", "Hello there,"]
        assert talk.of(TurnTruncated) == [TurnTruncated(reply_id, "Hello there,")] * 2
        await talk.post(TruncateTurn(reply_id, 0))
        await talk.post(TruncateTurn("a", 0))
        await talk.post(DeleteTurn("nobody"))
        await talk.post(AddTurn(typed("d", "lost"), after="nobody", is_last=False))
        await asyncio.sleep(0.1)
        assert [turn.text for turn in kept(talk)] == ["one", "between"]
    assert talk.llm.asked[0][-1].content == "one between"
    assert [error.code for error in talk.of(ErrorMessage)] == ["invalid_input"] * 3


async def test_truncating_a_reply_under_way_interrupts_it_there() -> None:
    talk = a_talk(BY_HAND)
    talk.tts = FakeTts(word_s=1.0)
    async with talk.running():
        await talk.post(ask())
        await asyncio.sleep(2.5)
        await talk.post(TruncateTurn(talk.of(ReplyBegan)[0].turn_id, 900))
        await asyncio.sleep(0.1)
        assert [turn.text for turn in kept(talk)] == ["Hello"]
    assert [notice.outcome for notice in talk.of(ReplyEnded)] == ["interrupted"]


async def test_the_client_configures_the_prompt_the_voice_and_the_patience() -> None:
    talk = a_talk(BY_HAND)
    delivery = Delivery(speed=1.2, max_tokens=20)
    conduct = Conduct(patience=Patience(2.0, end_silence_ms=700), delivery=delivery)
    async with talk.running():
        await talk.speak(0.1)
        await talk.post(Configure(conduct, {"instructions": "Be a pirate.", "is_plain": True}))
        await talk.speak(0.1)
        await talk.post(AddTurn(typed("a", "ahoy")))
        await talk.post(ReplyRequest("r", delivery))
        await asyncio.sleep(3)
        await talk.post(ReplyRequest("s", delivery, instructions="Be brief."))
        await asyncio.sleep(3)
    assert talk.llm.asked[0] == [ChatMessage("system", "Be a pirate."), ChatMessage("user", "ahoy")]
    assert talk.llm.asked[1][0] == ChatMessage("system", "Be brief.")
    assert talk.llm.limits[0] == ReplyLimits(max_tokens=20)
    assert talk.llm.limits[1].max_tokens == 20
    assert talk.tts.speeds == [1.2, 1.2]
    assert talk.asr.patience[-1] == Patience(2.0, end_silence_ms=700)
