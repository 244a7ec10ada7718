"""When the learner speaks over the partner: which sounds interrupt, and how much of the reply was heard. Conversations
are scripted and run in virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from gateway.history import PartnerTurn
from gateway.ports import (
    AsrEvent,
    EagerEndOfTurn,
    EndOfTurn,
    HeardWord,
    Partial,
    SpeechStarted,
    Transcript,
    VoiceContinued,
    VoicePaused,
)
from gateway.protocol import (
    AiAudioStart,
    AiText,
    Captions,
    Interrupt,
    Interrupted,
    Playback,
    TranscriptMessage,
    TurnComplete,
)
from tests.support.conversation import Conversation, at, conversation_in, eager, end, one_turn, text

pytestmark = pytest.mark.looptime

REPLY = "Hello there, my friend."


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
    """A conversation in which the partner speaks from second 0, and the learner makes a sound."""
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
    assert interrupted.heard_text.endswith("word3")  # the reply began after 0.16 s, so 1.24 s were heard: four words


@pytest.mark.parametrize("sound", ["mhm", "Yeah.", "Okay, okay.", "", "I see.", "M-H-N.", "Oh, right, sure."])
async def test_a_sound_that_is_no_turn_lets_the_partner_go_on(sound: str) -> None:
    talk = over_the_partner((1.1, SpeechStarted(at(1.0))), (1.6, eager(sound)), (2.0, end(sound)))
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(12.0)
    assert not talk.of(Interrupted)
    assert len(talk.of(TurnComplete)) == 1
    assert len(talk.llm.asked) == 1
    gaps = [after - before for (before, _), (after, _) in pairwise(audio_of(talk))]
    assert max(gaps) < 1.2  # two seconds are sent ahead, so the learner's player always had audio
    assert [m.text for m in talk.of(TranscriptMessage) if m.is_final] == [""]
    assert len(talk.store.sessions[talk.connected.session_id][2]) == 2


async def test_a_hesitant_sound_is_no_interruption_however_long_its_pauses() -> None:
    """Each piece of voice is short. A voice interrupts once it has lasted a while, and a long pause starts that time
    anew."""
    talk = over_the_partner(
        (1.1, SpeechStarted(at(1.0))),
        (1.5, VoicePaused(at(1.4))),
        (1.9, VoiceContinued(at(1.85))),
        (2.3, VoicePaused(at(2.2))),
        (2.6, eager("uh-huh")),
        (3.0, end("uh-huh")),
    )
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(12.0)
    assert not talk.of(Interrupted)


async def test_a_sound_that_is_not_said_to_its_end_is_waited_for() -> None:
    talk = over_the_partner(
        (1.1, SpeechStarted(at(1.0))),
        (1.4, Partial("", "Oh, I...")),
        (1.6, eager("Oh, I see.")),
        (2.0, end("Oh, I see.")),
    )
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(12.0)
    assert not talk.of(Interrupted)


async def test_a_word_that_asks_for_the_floor_is_obeyed_though_it_is_doubted() -> None:
    said = Transcript("Stop.", (HeardWord("Stop.", at(1.0), at(1.4), 0.3),), at(1.0), at(1.4))
    talk = over_the_partner((1.1, SpeechStarted(at(1.0))), (1.6, EagerEndOfTurn(said)), (2.0, EndOfTurn(said)))
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(3.0)
    assert [messages[-1].content for messages in talk.llm.asked] == ["a story, please", "(interrupting you) Stop."]


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
        (5.0, eager(echo)),  # it is long, but this microphone is known to pick up the partner
        (5.4, end(echo)),
    )
    talk.llm.reply = ["zero ", "one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine "] * 3
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(14.0)
    assert not talk.of(Interrupted)
    assert len(talk.of(TurnComplete)) == 1


async def test_an_echo_that_ends_after_the_partner_is_no_turn_where_echoes_are_known() -> None:
    """If a learner repeats the partner's words later, that is a turn."""
    last_words = "six seven eight nine"
    talk = over_the_partner(
        (1.1, SpeechStarted(at(1.0))),
        (1.6, eager("two three four five")),
        (2.0, end("two three four five")),
        (2.7, SpeechStarted(at(2.6))),
        (4.5, eager(last_words)),
        (5.0, end(last_words)),
        (9.1, SpeechStarted(at(9.0))),
        (10.0, eager(last_words)),
        (10.5, end(last_words)),
    )
    talk.llm.reply = ["zero ", "one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine"]
    async with talk.running():
        await talk.post(text("a story, please"))
        await talk.speak(12.0)
    assert talk.of(TurnComplete)
    assert [message.text for message in talk.of(TranscriptMessage) if message.is_final and message.text] == [last_words]
    assert len(talk.llm.asked) == 2


def audio_of(talk: Conversation) -> list[tuple[float, bytes]]:
    return [(seconds, message) for seconds, message in talk.got if isinstance(message, bytes)]


async def test_the_model_is_told_that_it_was_interrupted_and_what_was_heard() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(0.5)
        await talk.post(text("stop, please"))
        await asyncio.sleep(5)
    roles = [(m.role, m.content) for m in conversation_in(talk.llm.asked[-1])]
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
