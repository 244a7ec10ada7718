"""Whole conversations in which recognition, the language model or synthesis fails or hangs. They are scripted and run
in virtual time."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from common.errors import BusyError, EngineError, ServiceError, UnavailableError
from gateway.conversation.stall_watch import SLOW_S, STALL_S
from gateway.ports import SpeechStarted
from gateway.protocol import AiText, ErrorMessage, Interrupted, TurnComplete
from tests.support.conversation import RATE_HZ, Conversation, at, eager, end, one_turn, text

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (UnavailableError("LLM: away"), "unavailable", True),
        (BusyError("LLM: busy"), "busy", True),
        (EngineError("LLM: garbage"), "engine_failed", True),
    ],
)
async def test_a_model_that_fails_ends_the_turn_not_the_session(
    error: ServiceError, code: str, retryable: bool
) -> None:
    talk = Conversation()
    talk.llm.reply = ["Well, ", error]
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
        talk.llm.reply = ["Fine."]
        await talk.post(text("again"))
        await asyncio.sleep(3)
    (message,) = talk.of(ErrorMessage)
    assert (message.code, message.retryable) == (code, retryable)
    assert talk.of(Interrupted)[0].heard_text == "Well,"  # the text before the failure was spoken
    assert len(talk.of(TurnComplete)) == 1
    assert talk.llm.open_streams == talk.tts.open_streams == 0


async def test_a_voice_that_fails_ends_the_turn_not_the_session() -> None:
    talk = Conversation()
    talk.tts.fail_after = 1
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
        talk.tts.fail_after = None
        await talk.post(text("again"))
        await asyncio.sleep(3)
    assert [m.code for m in talk.of(ErrorMessage)] == ["unavailable"]
    assert len(talk.of(TurnComplete)) == 1


async def test_an_empty_reply_is_an_error() -> None:
    talk = Conversation()
    talk.llm.reply = []
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
    assert [m.code for m in talk.of(ErrorMessage)] == ["engine_failed"]


async def test_recognition_that_fails_is_reported_once_and_opened_again() -> None:
    talk = Conversation()
    talk.asr.script = [
        (at(0.2), SpeechStarted(at(0.1))),
        (at(0.5), UnavailableError("ASR: restarting")),
        (at(0.2), SpeechStarted(0)),
        (at(1.2), eager("hello")),
        (at(1.6), end("hello")),
    ]
    async with talk.running():
        await talk.speak(5.0)
        await asyncio.sleep(4)
    assert [m.code for m in talk.of(ErrorMessage)] == ["unavailable"]
    assert talk.asr.streams_opened == 2
    assert talk.of(TurnComplete)


async def test_recognition_that_takes_no_audio_is_given_up_and_opened_again() -> None:
    talk = Conversation()
    talk.asr.stuck_streams = 1
    async with talk.running():
        await talk.speak(SLOW_S - 0.1)
        assert not talk.of(ErrorMessage)
        await talk.speak(1)
        assert [error.code for error in talk.of(ErrorMessage)] == ["slow"]
        assert "what you say is kept, so please wait" in talk.of(ErrorMessage)[0].message
        await talk.speak(STALL_S - SLOW_S)
        assert [error.code for error in talk.of(ErrorMessage)] == ["slow", "timeout"]
        talk.asr.script = one_turn()
        await talk.speak(2)
        await asyncio.sleep(5)
    assert talk.asr.streams_opened == 2
    assert talk.of(TurnComplete)


async def test_a_reply_held_when_recognition_fails_is_forgotten() -> None:
    talk = Conversation()
    talk.asr.script = [
        (at(0.2), SpeechStarted(0)),
        (at(0.5), eager("hello")),
        (at(0.6), UnavailableError("ASR: restarting")),
    ]
    async with talk.running():
        await talk.speak(3.0)
        await asyncio.sleep(1)
        assert talk.llm.open_streams == talk.tts.open_streams == 0
    assert not talk.of(AiText)


async def test_a_reply_that_fails_while_it_is_held_is_tried_again_at_the_end_of_the_turn() -> None:
    talk = Conversation()
    talk.asr.script = one_turn()
    talk.tts.fail_after = 0
    async with talk.running():
        await talk.speak(1.6)
        assert not talk.of(ErrorMessage)
        talk.tts.fail_after = None
        await talk.speak(1)
        await asyncio.sleep(4)
    assert not talk.of(ErrorMessage)
    assert talk.of(TurnComplete)


@pytest.mark.parametrize("hung", ["llm", "tts"])
async def test_a_model_that_hangs_is_told_within_five_seconds_and_given_up_in_the_end(hung: str) -> None:
    """This repeats a script, `hung_server.py`, that is not in the repository."""
    talk = Conversation()
    if hung == "llm":
        talk.llm.first_s = 1000
    else:
        talk.tts.delay_s = 1000
    async with talk.running():
        await talk.post(text("are you there"))
        await asyncio.sleep(5)
        assert [m.code for m in talk.of(ErrorMessage)] == ["slow"]
        await asyncio.sleep(130)
        assert [m.code for m in talk.of(ErrorMessage)] == ["slow", "timeout"]
        assert talk.llm.open_streams == talk.tts.open_streams == 0
        talk.llm.first_s, talk.tts.delay_s = 0.1, 0.05
        await talk.post(text("and now"))
        await asyncio.sleep(5)
    assert talk.of(TurnComplete)


async def test_the_wait_for_an_answer_counts_from_the_learners_last_sound() -> None:
    """The learner is told within five seconds that the answer is slow, and only once, however long recognition and the
    first token take."""
    talk = Conversation()
    talk.asr.script = one_turn()
    talk.llm.first_s, talk.tts.delay_s = 3.0, 3.5
    async with talk.running():
        await talk.speak(4.5)
        assert not talk.of(ErrorMessage)
        await talk.speak(1)
        assert [m.code for m in talk.of(ErrorMessage)] == ["slow"]
        await talk.speak(6)
    assert [m.code for m in talk.of(ErrorMessage)] == ["slow"]


async def test_a_cold_model_is_reported_and_its_reply_still_comes() -> None:
    talk = Conversation()
    talk.llm.first_s = 40
    async with talk.running():
        await talk.post(text("are you there"))
        await asyncio.sleep(50)
    assert [m.code for m in talk.of(ErrorMessage)] == ["slow"]
    assert talk.of(TurnComplete)


async def sounds(talk: Conversation, seconds: float, level: int) -> None:
    hiss = np.random.default_rng(1).integers(-1, 1, RATE_HZ // 50).astype("<i2")
    for _ in range(round(seconds / 0.02)):
        await talk.audio.feed((hiss * level).tobytes())
        await asyncio.sleep(0.02)


async def test_a_learner_who_speaks_while_recognition_hangs_is_told_each_time_within_five_seconds() -> None:
    """The streams of all learners to one server share a connection. Once it is full, no stream can even be opened."""
    talk = Conversation()
    talk.asr.stuck_streams, talk.asr.stuck_opens = 1, 1000
    async with talk.running():
        await sounds(talk, 10, 20)
        assert [m.code for m in talk.of(ErrorMessage)] == ["slow", "timeout"]
        for said in range(4):
            await sounds(talk, 1.5, 3000)
            await sounds(talk, 5, 20)
            assert len(talk.of(ErrorMessage)) == said + 3
        await sounds(talk, 10, 20)
        assert len(talk.of(ErrorMessage)) == 6  # no more, because nobody spoke
        talk.asr.stuck_opens = 0
        talk.asr.script = [(0, SpeechStarted(0)), (at(1), end("hello"))]
        await sounds(talk, 1.5, 3000)
        await sounds(talk, 6, 20)
    assert talk.of(TurnComplete)


async def test_a_learner_who_speaks_while_recognition_is_away_is_told_each_time() -> None:
    talk = Conversation()
    talk.asr.script = [(0, UnavailableError("ASR: restarting")) for _ in range(1000)]
    async with talk.running():
        await sounds(talk, 2, 20)
        assert len(talk.of(ErrorMessage)) == 1  # this one says that recognition can't be reached
        for said in range(3):
            await sounds(talk, 1.5, 3000)
            await sounds(talk, 2, 20)
            assert len(talk.of(ErrorMessage)) == said + 2
        await sounds(talk, 10, 20)
        assert len(talk.of(ErrorMessage)) == 4  # no more, because nobody spoke
        talk.asr.script = [(0, SpeechStarted(0)), (at(1), end("hello"))]
        await sounds(talk, 1.5, 3000)
        await sounds(talk, 4, 20)
    assert talk.of(TurnComplete)


async def test_a_sentence_that_is_spoken_as_recognition_comes_back_is_heard_whole() -> None:
    talk = Conversation()
    talk.asr.script = [(0, UnavailableError("ASR: restarting"))]
    async with talk.running():
        await sounds(talk, 0.7, 20)
        assert [m.code for m in talk.of(ErrorMessage)] == ["unavailable"]
        heard_before = len(talk.asr.heard)
        talk.asr.script = [(at(1), SpeechStarted(at(0.2))), (at(3.3), end("hello"))]
        await sounds(talk, 2.5, 3000)  # the sentence begins before the next stream is opened
        await sounds(talk, 3, 20)
    assert len(talk.of(ErrorMessage)) == 1
    assert talk.of(TurnComplete)
    loud = np.flatnonzero(np.frombuffer(talk.asr.heard[heard_before:], "<i2") < -1000)
    assert loud[-1] - loud[0] > at(2.49)


async def test_a_learner_told_shortly_before_the_end_of_a_sentence_is_told_again_after_it() -> None:
    """The sentence ends after the first message, so without another one the learner would wait for an answer to it."""
    talk = Conversation()
    talk.asr.script = [(at(1.9), UnavailableError("ASR: restarting")), *([(0, UnavailableError("ASR: away"))] * 100)]
    async with talk.running():
        await sounds(talk, 1.9, 3000)
        await sounds(talk, 0.2, 3000)
        assert len(talk.of(ErrorMessage)) == 1
        await sounds(talk, 2, 20)
        assert len(talk.of(ErrorMessage)) == 2
        await sounds(talk, 5, 20)
    assert len(talk.of(ErrorMessage)) == 2


async def test_a_sentence_of_which_recognition_got_too_little_is_reported() -> None:
    talk = Conversation()
    talk.asr.script = [(0, UnavailableError("ASR: restarting"))]
    async with talk.running():
        await sounds(talk, 1.5, 20)
        talk.asr.script = [(at(1), SpeechStarted(0)), (at(1.5), end("")), (at(3), SpeechStarted(0)), (at(4), end(""))]
        await sounds(talk, 5, 20)
    away, unheard = talk.of(ErrorMessage)
    assert (away.code, unheard.code) == ("unavailable", "unavailable")
    assert "say it again" in unheard.message
