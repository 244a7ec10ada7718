"""A learner asks to hear the partner's last words once more."""

from __future__ import annotations

import pytest

from gateway.history import LearnerTurn, PartnerTurn, Turn
from gateway.protocol import AiText
from gateway.reply.once_more import once_more
from tests.support.conversation import Conversation, text
from tests.support.fakes import FakeLlm

WORDS = "Near the sea, lovely! Do you swim?"


def turns(*, heard: str = WORDS) -> list[Turn]:
    return [
        LearnerTurn(turn_id="l", text="I live near the sea.", started_s=0),
        PartnerTurn(turn_id="p", text=heard, generated_text=WORDS, interrupted=heard != WORDS, started_s=1),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "Can you say it again, please?",
        "I not understand. Can you say that again?",
        "I don’t understand.",
        "Sorry, I didn't hear you.",
        "Could you repeat?",
        "Please repeat that.",
        "Again, please.",
        "Slower please!",
        "Can you speak more slowly?",
        "Sorry, what did you say?",
        "Pardon?",
        "What?",
    ],
)
def test_a_request_gets_the_last_words(said: str) -> None:
    assert once_more(turns(), said) == WORDS


@pytest.mark.parametrize(
    "said",
    [
        "I want to see you again.",
        "How do you say it in English?",
        "I didn't understand my teacher yesterday.",
        "What do you like?",
        "I'm sorry.",
        "Sorry to hear that.",
        "My father repeats everything.",
        "He walks very slowly.",
        "Say hello to your dog!",
        "I don't get it why he said that.",
        "",
    ],
)
def test_other_words_are_left_to_the_model(said: str) -> None:
    assert once_more(turns(), said) == ""


def test_a_word_that_was_cut_off_is_spoken_again() -> None:
    assert once_more(turns(heard="Near the sea,"), "Pardon?") == WORDS


def test_before_the_partner_has_spoken_there_is_nothing_to_repeat() -> None:
    assert once_more(turns()[:1], "Pardon?") == ""


@pytest.mark.looptime
@pytest.mark.parametrize(("is_small", "asked"), [(True, 1), (False, 2)])
async def test_a_larger_model_is_asked_itself(is_small: bool, asked: int) -> None:
    talk = Conversation(llm=FakeLlm(is_small=is_small))
    async with talk.running():
        for words in ("Hello.", "Can you say it again, please?"):
            await talk.post(text(words))
            await talk.speak(8)
    assert len(talk.llm.asked) == asked
    said: dict[str, str] = {}
    for message in talk.of(AiText):
        said[message.turn_id] = said.get(message.turn_id, "") + message.text
    assert list(said.values()) == ["Hello there, my friend."] * 2
    first, second = talk.tts.speeds
    assert (second < first) is is_small
