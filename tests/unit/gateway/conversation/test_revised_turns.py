"""The learner's real words replace what recognition wrote: in the history, on the screen, in the corrections. Only
the language model goes on with the words that it has read."""

from __future__ import annotations

import asyncio

import pytest

from gateway.history import LearnerTurn
from gateway.ports import AsrEvent, SpeechStarted, VerbatimTranscript
from gateway.protocol import CorrectionMessage, TranscriptMessage, TranscriptRevised
from gateway.reply.prompt import Briefing, messages_for
from tests.support.conversation import Conversation, at, conversation_in, end, one_turn, start, transcript
from tests.support.fakes import FakeLlm

pytestmark = pytest.mark.looptime

HEARD, SAID = "Yesterday I went home.", "Yesterday I goed home."


def revised(text: str = SAID, start_sample: int = 0) -> tuple[float, AsrEvent]:
    return at(4), VerbatimTranscript(transcript(text, start_sample))


async def conversation(*events: tuple[float, AsrEvent], **fields: object) -> Conversation:
    """One turn, then these events, then another turn."""
    talk = Conversation(llm=FakeLlm(is_small=True))
    again = [(at(6), SpeechStarted(at(6))), (at(7.5), end("Bye."))]
    talk.asr.script = [*one_turn(HEARD), *events, *again]  # type: ignore[list-item]
    async with talk.running():
        await talk.post(start(**fields))
        await talk.speak(8)
        await asyncio.sleep(5)
    return talk


def learner_turns(talk: Conversation) -> list[LearnerTurn]:
    return [turn for turn in talk.session.turns if isinstance(turn, LearnerTurn)]


async def test_the_turn_gets_the_words_that_were_said() -> None:
    talk = await conversation(revised())
    (message,) = talk.of(TranscriptRevised)
    first = learner_turns(talk)[0]
    assert (message.turn_id, message.was, message.text) == (first.turn_id, HEARD, SAID)
    assert [word.text for word in message.words] == SAID.split()
    assert (first.text, [word.text for word in first.words]) == (SAID, SAID.split())
    assert [m.text for m in talk.of(TranscriptMessage) if m.is_final] == [HEARD, "Bye."]
    stored = [turn for turn in talk.store.sessions[talk.connected.session_id][2] if isinstance(turn, LearnerTurn)]
    assert stored == learner_turns(talk)


async def test_the_language_model_goes_on_with_the_words_that_it_has_read() -> None:
    talk = await conversation(revised())
    first = conversation_in(talk.llm.asked[0])[0].content
    assert conversation_in(talk.llm.asked[-1])[0].content == first == HEARD


def test_a_revised_turn_is_prompted_as_it_was_answered() -> None:
    turn = LearnerTurn(turn_id="1", text=SAID, started_s=0, answered_text=HEARD)
    prompt = messages_for(Briefing(level="beginner"), [turn], "And you?", max_chars=6000)
    assert HEARD in prompt[-1].content
    assert SAID not in prompt[-1].content


async def test_a_revised_turn_is_corrected_by_its_new_words() -> None:
    talk = await conversation(revised(), corrections="beside")
    (correction,) = talk.of(CorrectionMessage)
    assert (correction.sentence, correction.original, correction.corrected) == (SAID, "goed", "went")
    shown = [message for _, message in talk.got if isinstance(message, TranscriptRevised | CorrectionMessage)]
    assert isinstance(shown[0], TranscriptRevised)


async def test_no_correction_is_sent_twice() -> None:
    talk = Conversation(llm=FakeLlm(is_small=True))
    said = "Yesterday I goed home."
    talk.asr.script = [*one_turn(said), (at(6), VerbatimTranscript(transcript("Yesterday I um, goed home.")))]
    async with talk.running():
        await talk.post(start(corrections="beside"))
        await talk.speak(7)
        await asyncio.sleep(5)
    assert [one.original for one in talk.of(CorrectionMessage)] == ["goed"]


async def test_words_of_an_unknown_turn_or_a_second_revision_change_nothing() -> None:
    talk = await conversation(revised(), revised("I never said that."), revised("Nor that.", start_sample=99))
    assert [message.text for message in talk.of(TranscriptRevised)] == [SAID]
    assert [turn.text for turn in learner_turns(talk)] == [SAID, "Bye."]
