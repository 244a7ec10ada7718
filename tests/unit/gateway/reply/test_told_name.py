"""The bundled partner does not ask for a name that it was told."""

from __future__ import annotations

import asyncio

import pytest

from gateway.history import LearnerTurn
from gateway.ports import WritingRequest
from gateway.protocol import TurnComplete
from gateway.reply.told_name import INSTEAD, KnowsName, has_told_name
from gateway.tools import CallPiece
from tests.support.conversation import Conversation, start, text
from tests.support.fakes import FakeLlm


@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ("Hello, I'm Ana.", True),
        ("Hi, I’m Pedro. How are you?", True),
        ("My name is Max and I have a dog.", True),
        ("my name's sara", True),
        ("Call me Chen.", True),
        ("I am called Yuki.", True),
        ("This is Luis.", True),
        ("I'm fine, thank you.", False),
        ("I am from Spain.", False),
        ("What's your name?", False),
        ("", False),
    ],
)
def test_learners_tell_their_names_in_many_ways(said: str, *, is_told: bool) -> None:
    assert has_told_name([], said) is is_told
    assert has_told_name([LearnerTurn(turn_id="l", text=said, started_s=0)], "And you?") is is_told


async def written(*pieces: str | CallPiece) -> list[str | CallPiece]:
    async with KnowsName(FakeLlm(reply=pieces, word_s=0)).stream(WritingRequest(())) as deltas:
        return [delta async for delta in deltas]


@pytest.mark.parametrize(
    ("reply", "heard"),
    [
        ("Welcome, Ana! What's your name?", f"Welcome, Ana! {INSTEAD}"),
        ("I'm well, Pedro! What is your name? I'm Joe.", f"I'm well, Pedro! {INSTEAD} I'm Joe."),
        ("What’s your first name?", INSTEAD),
        ("Hello, what's your name?", "Hello, how are you today?"),
        ("Nice! And what's your name?", f"Nice! {INSTEAD}"),
        ("What's your name in Arabic?", "What's your name in Arabic?"),
        ("What's your dog's name?", "What's your dog's name?"),
        ("Well... What do you like?!  And why?", "Well... What do you like?!  And why?"),
        ("What's your na", "What's your na"),
        ("I know what's your name? No.", "I know what's your name? No."),
        ("", ""),
    ],
)
async def test_only_the_question_for_the_name_is_replaced(reply: str, heard: str) -> None:
    assert "".join(map(str, await written(reply))) == heard
    assert "".join(map(str, await written(*reply))) == heard  # in single letters
    assert "".join(map(str, await written(*(reply[at : at + 3] for at in range(0, len(reply), 3))))) == heard


async def test_only_what_could_become_the_question_is_held_back() -> None:
    assert await written("Hello, Ana! ", "What", " do", " you", " like?") == [
        "Hello, Ana!",
        " What do",
        " you",
        " like?",
    ]


async def test_calls_pass() -> None:
    call = CallPiece(0, id="c", name="look", arguments="{}")
    assert await written("Hi. ", call, "What's your name?") == ["Hi.", call, f" {INSTEAD}"]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("is_trained", "heard"), [(True, f"Welcome! {INSTEAD}"), (False, "Welcome! What's your name?")]
)
async def test_a_conversation_with_the_bundled_partner(heard: str, *, is_trained: bool) -> None:
    llm = FakeLlm(reply=("Welcome! ", "What's ", "your ", "name?"), is_small=True, is_trained=is_trained)
    talk = Conversation(llm=llm)
    async with talk.running():
        await talk.post(start())
        await talk.post(text("Hello, I'm Ana."))
        while not talk.of(TurnComplete):
            await asyncio.sleep(0.05)
    assert talk.session.turns[-1].text == heard
