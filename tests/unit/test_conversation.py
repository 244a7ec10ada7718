"""Whole conversations, scripted, in virtual time: a learner on one side, fakes of the model servers on the other."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import BusyError, EngineError, InvalidInputError, SequenceError, ServiceError, UnavailableError
from gateway.hearing import STALL_S
from gateway.history import LearnerTurn, PartnerTurn, SessionState
from gateway.ports import AsrEvent, EndOfTurn, Partial, SpeechStarted, TurnResumed, VoiceContinued, VoicePaused
from gateway.protocol import (
    AiAudioStart,
    AiText,
    AnalysisMessage,
    AudioFormat,
    Captions,
    CaptionWord,
    EndConversation,
    ErrorMessage,
    Interrupt,
    Interrupted,
    Playback,
    Resumed,
    SetLevel,
    SpeechStartedMessage,
    SpeechStoppedMessage,
    Start,
    Text,
    TranscriptMessage,
    TurnComplete,
    read_client_message,
)
from gateway.session_events import ENDED, IDLE, LEFT, TAKEN_OVER
from tests.support.conversation import RATE_HZ, Conversation, eager, end, transcript
from tests.support.fakes import MemoryStore

pytestmark = pytest.mark.looptime

REPLY = "Hello there, my friend."


def at(seconds: float) -> int:
    return int(seconds * RATE_HZ)


def one_turn(text: str = "good morning", *, until_s: float = 1.0) -> list[tuple[int, AsrEvent | ServiceError]]:
    """The learner speaks up to `until_s`, pauses 0.3 s (eager), and is done after 0.7 s."""
    return [
        (at(0.2), SpeechStarted(at(0.1))),
        (at(0.6), Partial("good", " mor")),
        (at(until_s + 0.3), eager(text)),
        (at(until_s + 0.7), end(text)),
    ]


def start(**fields: object) -> Start:
    return Start.model_validate({"type": "start", "audio": AudioFormat(encoding="pcm_s16le"), **fields})


def text(words: str) -> Text:
    return Text(type="text", text=words)


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


async def test_speech_over_the_partner_silences_it_and_the_history_holds_what_was_heard() -> None:
    talk = Conversation()
    talk.asr.script = [*one_turn(), (at(2.0), SpeechStarted(at(1.9)))]
    async with talk.running():
        await talk.speak(3.0)
        await asyncio.sleep(2)
        assert talk.llm.open_streams == talk.tts.open_streams == 0
    (interrupted,) = talk.of(Interrupted)
    assert interrupted.heard_text == "Hello there, my"
    position = next(i for i, (_, m) in enumerate(talk.got) if isinstance(m, Interrupted))
    assert not [m for _, m in talk.got[position:] if isinstance(m, bytes | AiText | Captions)]
    partner = talk.store.sessions[talk.connected.session_id][2][-1]
    assert isinstance(partner, PartnerTurn)
    assert (partner.text, partner.generated_text, partner.interrupted) == ("Hello there, my", REPLY, True)
    assert [word.text for word in partner.words] == ["Hello", "there,", "my"]


LONG = [f"word{n} " for n in range(30)]  # 9 s of speech


def over_the_partner(*events: tuple[float, AsrEvent]) -> Conversation:
    """The partner speaks from second 0; the learner makes a sound."""
    talk = Conversation()
    talk.llm.reply = LONG
    talk.asr.script = [(at(seconds), event) for seconds, event in events]
    return talk


async def test_the_first_sound_stops_the_sending_and_words_end_the_reply() -> None:
    talk = over_the_partner((1.1, SpeechStarted(at(1.0))), (1.4, Partial("", "stop")))
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(2.0)
    (interrupted,) = talk.of(Interrupted)
    last_audio_s = max(t for t, m in talk.got if isinstance(m, bytes))
    assert last_audio_s - 1.0 <= 0.15
    assert next(t for t, m in talk.got if isinstance(m, Interrupted)) == pytest.approx(1.4, abs=0.03)
    assert interrupted.heard_text.endswith("word3")  # 1.4 s less the 0.16 s that it took to begin: four words


@pytest.mark.parametrize("sound", ["mhm", "Yeah.", "Okay, okay.", "", "I see."])
async def test_a_sound_that_is_no_turn_lets_the_partner_go_on(sound: str) -> None:
    talk = over_the_partner((1.1, SpeechStarted(at(1.0))), (1.6, eager(sound)), (2.0, end(sound)))
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(12.0)
    assert not talk.of(Interrupted)
    assert len(talk.of(TurnComplete)) == 1
    assert len(talk.llm.asked) == 1
    gaps = [after - before for (before, _), (after, _) in pairwise(audio_of(talk))]
    assert max(gaps) < 1.2  # it never ran dry at the learner's: two seconds are always ahead
    assert [m.text for m in talk.of(TranscriptMessage) if m.is_final] == [""]
    assert len(talk.store.sessions[talk.connected.session_id][2]) == 2


async def test_a_hesitant_sound_is_no_interruption_however_long_its_pauses() -> None:
    """Each bit of voice is short: the clock of insisting starts anew after a gap."""
    talk = over_the_partner(
        (1.1, SpeechStarted(at(1.0))),
        (1.5, VoicePaused()),
        (1.9, VoiceContinued(at(1.85))),
        (2.3, VoicePaused()),
        (2.6, eager("uh-huh")),
        (3.0, end("uh-huh")),
    )
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(12.0)
    assert not talk.of(Interrupted)


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
    """A turn of this learner's, at the end of which recognition knows that pause; the pauses it was told of."""
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
    assert (await talk_as(anna, store, teaches_ms=700))[-1] == 900  # in this one the new pause is not yet asked for
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


async def test_the_same_words_are_an_answer_once_the_partner_is_done() -> None:
    talk = Conversation()
    talk.asr.script = [(at(1.2), SpeechStarted(at(1.1))), (at(1.7), eager("Yeah.")), (at(2.1), end("Yeah."))]
    async with talk.running():
        await talk.post(text("hi"))  # the reply sounds until second 1.4
        await talk.speak(3.5)
        await asyncio.sleep(3)
    assert [messages[-1].content for messages in talk.llm.asked] == ["hi", "Yeah."]


async def test_a_noise_that_interrupted_falsely_lets_the_partner_say_the_rest() -> None:
    talk = over_the_partner((1.1, SpeechStarted(at(1.0))), (2.5, end("")))
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(14.0)
    (interrupted,) = talk.of(Interrupted)
    (complete,) = talk.of(TurnComplete)
    rest = "".join(m.text for m in talk.of(AiText) if m.turn_id == complete.turn_id)
    assert f"{interrupted.heard_text} {rest}".split() == "".join(LONG).split()
    assert len(talk.llm.asked) == 1


async def test_the_partners_own_echo_is_no_turn() -> None:
    echo = "two three four five"
    talk = over_the_partner(
        (1.1, SpeechStarted(at(1.0))),
        (1.4, Partial("", "two three four")),
        (1.6, eager(echo)),
        (2.0, end(echo)),
        (3.1, SpeechStarted(at(3.0))),
        (5.0, eager(echo)),  # it is long, but this microphone is known to hear the partner
        (5.4, end(echo)),
    )
    talk.llm.reply = ["zero ", "one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine "] * 3
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(14.0)
    assert not talk.of(Interrupted)
    assert len(talk.of(TurnComplete)) == 1


def audio_of(talk: Conversation) -> list[tuple[float, bytes]]:
    return [(seconds, message) for seconds, message in talk.got if isinstance(message, bytes)]


async def test_the_model_is_told_that_it_was_interrupted_and_what_was_heard() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(0.5)
        await talk.post(text("stop, please"))
        await asyncio.sleep(5)
    roles = [(m.role, m.content) for m in talk.llm.asked[-1][1:]]
    assert roles == [("user", "hi"), ("assistant", "Hello —"), ("user", "(interrupting you) stop, please")]


async def test_playback_reports_decide_what_was_heard() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(1.0)
        turn_id = talk.of(AiAudioStart)[0].turn_id
        await talk.post(Playback(type="playback", turn_id=turn_id, played_ms=310))
        await talk.post(Interrupt(type="interrupt"))
        await asyncio.sleep(1)
    assert talk.of(Interrupted)[0].heard_text == "Hello"


async def test_a_reply_is_complete_as_soon_as_the_player_says_so() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(0.5)
        turn_id = talk.of(AiAudioStart)[0].turn_id
        await talk.post(Playback(type="playback", turn_id=turn_id, played_ms=1200))
        await asyncio.sleep(0.2)
        assert talk.of(TurnComplete)
        assert "first_audio_played" in talk.of(TurnComplete)[0].latency_ms


async def test_audio_is_sent_only_a_little_ahead_of_the_ear() -> None:
    talk = Conversation()
    talk.llm.reply = [f"word{n} " for n in range(40)]
    async with talk.running():
        await talk.post(text("tell me a story"))
        await asyncio.sleep(4)
        sent_s = sum(len(audio) for audio in talk.of(bytes)) / 2 / 24_000
        assert 4 < sent_s < 4 + 2.0 + 0.4
        await talk.post(Interrupt(type="interrupt"))
        await asyncio.sleep(1)
    assert len(talk.of(Interrupted)[0].heard_text.split()) in range(11, 15)


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
    assert "idiomatic English" in prompts[0]
    assert "very simple English" in prompts[1]
    assert talk.tts.speeds[1] < talk.tts.speeds[0]
    assert (talk.llm.max_tokens[1] or 0) < (talk.llm.max_tokens[0] or 0)
    assert talk.store.sessions[talk.connected.session_id][0].level == "beginner"


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
    assert talk.of(Interrupted)[0].heard_text == "Well,"  # what it had written was spoken
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
        await talk.speak(2)
        await asyncio.sleep(STALL_S - 3)
        assert not talk.of(ErrorMessage)
        await asyncio.sleep(3)
        assert [error.code for error in talk.of(ErrorMessage)] == ["timeout"]
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
    assert [m.content for m in second.llm.asked[0][1:]] == ["my name is Ana", REPLY, "what is my name?"]
    assert list(second.store.sessions) == [token.session_id]


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
            talk.session.announce(start(level="beginner"))
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


async def test_a_store_that_is_away_costs_one_warning_and_not_the_conversation() -> None:
    talk = Conversation()
    talk.store.away = True
    async with talk.running():
        for _ in range(2):
            await talk.post(text("hi"))
            await asyncio.sleep(3)
    assert [m.code for m in talk.of(ErrorMessage)] == ["not_saved"]
    assert len(talk.of(TurnComplete)) == 2


async def test_the_last_words_are_heard_before_the_analysis() -> None:
    talk = Conversation()
    talk.asr.script = one_turn("see you tomorrow", until_s=9.0)
    async with talk.running():
        await talk.speak(1.0)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(5)
    (analysis,) = talk.of(AnalysisMessage)
    assert talk.closing == ENDED
    assert analysis.data["fluency"]["words"] == 3
    assert talk.store.sessions[talk.connected.session_id][0].state == "ended"
    assert not talk.of(AiText)
    assert talk.asr.open_streams == 0


async def test_ending_in_the_middle_of_a_reply_silences_it() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(0.5)
        await talk.post(EndConversation(type="end_conversation"))
        await asyncio.sleep(5)
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


async def test_white_space_is_no_turn() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("  "))
        await asyncio.sleep(1)
    assert [m.code for m in talk.of(ErrorMessage)] == ["invalid_input"]
    assert not talk.llm.asked


actions = st.lists(
    st.one_of(
        st.floats(0, 1.5),
        st.sampled_from(["speak", "text", "interrupt", "level", "played"]),
    ),
    max_size=12,
)


@given(happening=actions, seed=st.integers(0, 3))
@settings(settings.get_profile("interleavings"))
def test_after_interrupted_nothing_of_that_turn_follows_and_every_reply_ends(
    happening: list[float | str], seed: int
) -> None:
    talk = Conversation()
    talk.llm.reply = ["One, ", "two, ", "three, ", "four, ", "five."][: seed + 2]
    for turn in range(8):
        talk.asr.script += [
            (at(turn + 0.2), SpeechStarted(at(turn))),
            (at(turn + 0.5), eager(f"turn {turn}")),
            (at(turn + 0.8), end(f"turn {turn}")),
        ]

    reported: set[str] = set()

    async def converse() -> None:
        async with talk.running():
            for action in happening:
                match action:
                    case float():
                        await asyncio.sleep(action)
                    case "speak":
                        await talk.speak(0.6)
                    case "text":
                        await talk.post(text("hello"))
                    case "interrupt":
                        await talk.post(Interrupt(type="interrupt"))
                    case "level":
                        await talk.post(SetLevel(type="set_level", level="beginner"))
                    case _:
                        for begun in talk.of(AiAudioStart)[-1:]:
                            reported.add(begun.turn_id)
                            await talk.post(Playback(type="playback", turn_id=begun.turn_id, played_ms=500))
            await asyncio.sleep(10)
            assert talk.llm.open_streams == talk.tts.open_streams == 0

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(converse())
    _check_turns(talk, reported)


def _heard_by_a_player(talk: Conversation, turn_id: str, slack_ms: float) -> str:
    """The words of which half was played when `interrupted` came, by a player that plays what it has as it comes."""
    playing_id, played_s, sent_s, last_s = "", 0.0, 0.0, 0.0
    words: list[CaptionWord] = []
    for now_s, message in talk.got:
        if playing_id == turn_id:
            played_s, last_s = min(sent_s, played_s + now_s - last_s), now_s
        match message:
            case AiAudioStart():
                playing_id, last_s = message.turn_id, now_s
            case Captions() if message.turn_id == turn_id:
                words += message.words
            case bytes() if playing_id == turn_id:
                sent_s += len(message) / 2 / 24_000
            case Interrupted() if message.turn_id == turn_id:
                break
    heard = [word.text for word in words if (word.start_ms + word.end_ms) / 2 <= played_s * 1000 + slack_ms]
    return " ".join(heard)


def _check_turns(talk: Conversation, reported: set[str]) -> None:
    over: set[str] = set()
    begun: list[str] = []
    for _, message in talk.got:
        match message:
            case AiText(turn_id=turn_id) | AiAudioStart(turn_id=turn_id) | Captions(turn_id=turn_id):
                assert turn_id not in over
                begun.append(turn_id)
            case Interrupted(turn_id=turn_id) | TurnComplete(turn_id=turn_id):
                assert turn_id not in over
                over.add(turn_id)
            case bytes():
                assert begun[-1] not in over
    assert set(begun) <= over
    kept = [t for t in talk.store.sessions[talk.connected.session_id][2] if isinstance(t, PartnerTurn)]
    heard = {m.turn_id: m.heard_text for m in talk.of(Interrupted)}
    for turn_id, heard_text in heard.items():
        if turn_id not in reported:
            assert heard_text in {_heard_by_a_player(talk, turn_id, slack_ms) for slack_ms in (-1, 0, 1)}
    for turn in kept:
        if turn.turn_id in heard:
            assert turn.text == heard[turn.turn_id]
        assert turn.generated_text.startswith(turn.text)  # less than all if the player stopped reporting
