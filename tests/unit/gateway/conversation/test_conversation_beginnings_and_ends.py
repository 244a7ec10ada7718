"""How conversations begin, are resumed, and end. They are scripted and run in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from common.errors import SequenceError
from gateway.closing import ENDED, IDLE, LEFT, TAKEN_OVER
from gateway.history import SessionState
from gateway.protocol import (
    AiText,
    AnalysisMessage,
    AnalysisProgress,
    EndConversation,
    ErrorMessage,
    Interrupted,
    Playback,
    Resumed,
    TurnComplete,
)
from tests.support.conversation import Conversation, conversation_in, one_turn, start, text

pytestmark = pytest.mark.looptime

REPLY = "Hello there, my friend."


async def test_a_conversation_is_carried_on_with_its_token() -> None:
    first = Conversation()
    async with first.running():
        await first.post(text("my name is Ana"))
        await asyncio.sleep(3)
    token = first.connected
    second = Conversation(store=first.store)
    async with second.running():
        await second.post(start(session_id=token.session_id, resume_token=token.resume_token))
        await second.post(text("what is my name?"))
        await asyncio.sleep(3)
    (resumed,) = second.of(Resumed)
    assert (resumed.session_id, resumed.turns) == (token.session_id, 2)
    assert [m.content for m in conversation_in(second.llm.asked[0])] == ["my name is Ana", REPLY, "what is my name?"]
    assert list(second.store.sessions) == [token.session_id]


async def test_a_session_in_which_nothing_was_said_is_given_up() -> None:
    silent, talk = Conversation(), Conversation()
    async with silent.running():
        await silent.speak(1)
    assert silent.store.left == [silent.connected.session_id]
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
    assert talk.store.left == []


async def test_a_wrong_token_is_an_error_and_the_connection_a_new_conversation() -> None:
    first = Conversation()
    async with first.running():
        pass
    second = Conversation(store=first.store)
    async with second.running():
        await second.post(start(session_id=first.connected.session_id, resume_token="guess"))
        await second.post(text("hi"))
        await asyncio.sleep(3)
    assert [m.code for m in second.of(ErrorMessage)] == ["wrong_resume_token"]
    assert second.of(TurnComplete)
    assert first.store.sessions[first.connected.session_id][2] == []


async def test_a_session_taken_over_ends_the_older_connection() -> None:
    older = Conversation()
    async with older.running():
        newer = Conversation(store=older.store)
        async with newer.running():
            token = older.connected
            await newer.post(start(session_id=token.session_id, resume_token=token.resume_token))
            await asyncio.sleep(1)
            await older.post(text("hi"))
            await asyncio.sleep(1)
    assert older.closing == TAKEN_OVER
    assert older.of(ErrorMessage)[-1].code == "session_taken_over"


async def test_start_must_come_first() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        with pytest.raises(SequenceError, match="first"):
            await talk.post(start(level="beginner"))
        await asyncio.sleep(3)
    assert talk.of(TurnComplete)


async def test_a_connection_resumes_once() -> None:
    talk = Conversation()
    async with talk.running():
        token = talk.connected
        resuming = start(session_id=token.session_id, resume_token=token.resume_token)
        await talk.store.create(SessionState(session_id="other", created_at=0), "other-token")
        await talk.post(start(session_id="other", resume_token="other-token"))
        await talk.post(resuming)
        await asyncio.sleep(1)
    assert [m.session_id for m in talk.of(Resumed)] == ["other"]
    assert [m.code for m in talk.of(ErrorMessage)] == ["out_of_sequence"]
    assert list(talk.store.sessions) == ["other"]


async def test_the_last_words_are_heard_before_the_analysis() -> None:
    talk = Conversation()
    talk.asr.script = one_turn("see you tomorrow", until_s=9.0)
    async with talk.running():
        await talk.speak(1.0)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(60)
    (analysis,) = talk.of(AnalysisMessage)
    assert talk.closing == ENDED
    assert analysis.data["fluency"]["words"] == 3
    assert talk.store.sessions[talk.connected.session_id][0].state == "ended"
    assert not talk.of(AiText)
    assert talk.asr.open_streams == 0


async def test_the_measured_parts_come_at_once_and_free_the_seat_while_the_rest_is_written() -> None:
    talk = Conversation()
    talk.llm.answer_s = 80.0
    async with talk.running():
        await talk.post(text("hello and good evening to you"))
        await asyncio.sleep(3)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(60)
        (first,) = talk.of(AnalysisProgress)
        assert first.data["vocabulary"]["words"] == 6
        assert first.data["pending"] == ["grammar", "cefr", "summary", "next_steps", "meanings"]
        assert first.done == 0
        assert len(talk.seat_back_s) == 1
        assert not talk.of(AnalysisMessage)
        closed_early = talk.closing
        await asyncio.sleep(1000)
    assert closed_early is None
    count = REGISTRY.get_sample_value
    for part in ("measured", "whole"):
        assert count("aitalk_gateway_analysis_seconds_count", {"part": part})
    progress = talk.of(AnalysisProgress)
    assert [one.done for one in progress] == sorted({one.done for one in progress})
    (whole,) = talk.of(AnalysisMessage)
    assert whole.data["pending"] == []
    assert whole.data["vocabulary"] == first.data["vocabulary"]
    assert len(talk.seat_back_s) == 1
    assert talk.closing == ENDED
    assert talk.store.sessions[talk.connected.session_id][0].state == "ended"


async def test_the_analysis_ends_if_the_learner_leaves() -> None:
    talk = Conversation()
    talk.llm.answer_s = 80.0
    async with talk.running():
        await talk.post(text("hello and good evening to you"))
        await asyncio.sleep(3)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(60)
    assert talk.closing == LEFT
    assert talk.of(AnalysisProgress)
    assert not talk.of(AnalysisMessage)
    assert talk.store.sessions[talk.connected.session_id][0].state == "open"


async def test_ending_in_the_middle_of_a_reply_silences_it() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(0.5)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(60)
    assert talk.of(Interrupted)
    assert talk.of(AnalysisMessage)


async def test_a_learner_who_leaves_takes_the_calls_along() -> None:
    talk = Conversation()
    talk.asr.script = one_turn()
    async with talk.running():
        await talk.speak(1.8)
        assert talk.llm.open_streams
    assert talk.asr.open_streams == talk.llm.open_streams == talk.tts.open_streams == 0
    assert talk.closing == LEFT


async def test_a_player_that_reports_for_ever_does_not_keep_an_idle_session() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(10)
        (reply,) = talk.of(TurnComplete)
        for minute in range(10):
            assert talk.closing is None, minute
            await talk.post(Playback(type="playback", turn_id=reply.turn_id, played_ms=1000))
            await asyncio.sleep(60)
        assert talk.closing == IDLE


async def test_a_line_on_which_nothing_is_said_is_closed_after_ten_minutes() -> None:
    talk = Conversation()
    async with talk.running():
        for minute in range(10):
            assert talk.closing is None, minute
            await talk.audio.feed(bytes(32_000))
            await asyncio.sleep(60)
        await asyncio.sleep(1)
        assert talk.closing == IDLE
    assert [m.code for m in talk.of(ErrorMessage)] == ["idle"]
