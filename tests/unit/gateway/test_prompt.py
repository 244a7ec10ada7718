"""What the model is told."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.history import LearnerTurn, Level, PartnerTurn, Turn
from gateway.reply.prompt import MANNERS, messages_for, system_prompt

LEVELS: tuple[Level, ...] = get_args(Level)


def learner(text: str) -> LearnerTurn:
    return LearnerTurn(turn_id="l", text=text, started_s=0)


def partner(text: str, *, interrupted: bool = False) -> PartnerTurn:
    return PartnerTurn(turn_id="p", text=text, generated_text=text, interrupted=interrupted, started_s=0)


def roles(turns: list[Turn], says: str = "and you?", max_chars: int = 6000) -> list[tuple[str, str]]:
    messages = messages_for(turns, says, level="beginner", language="en", max_chars=max_chars)
    assert messages[0].role == "system"
    return [(message.role, message.content) for message in messages[1:]]


def test_each_level_has_a_manner_of_its_own_and_beginners_are_spoken_to_more_slowly() -> None:
    assert len({system_prompt(level, "en") for level in LEVELS}) == len(LEVELS) == len(MANNERS)
    speeds = [MANNERS[level].speed for level in LEVELS]
    lengths = [MANNERS[level].max_tokens for level in LEVELS]
    assert speeds == sorted(speeds)
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(("tag", "name"), [("en", "English"), ("fr-CA", "French"), ("xx", "xx")])
def test_the_language_is_named(tag: str, name: str) -> None:
    assert f"in {name}." in system_prompt("beginner", tag)


def test_turns_of_one_speaker_in_a_row_become_one_message() -> None:
    assert roles([learner("Hello."), learner("I am Ana."), partner("Hi, Ana!")], "Hi.") == [
        ("user", "Hello. I am Ana."),
        ("assistant", "Hi, Ana!"),
        ("user", "Hi."),
    ]


def test_a_reply_of_which_nothing_was_heard_is_not_remembered() -> None:
    assert roles([learner("Hello."), partner("", interrupted=True)], "Wait.") == [("user", "Hello. Wait.")]


def test_the_prefix_stays_the_same_while_old_turns_still_fit() -> None:
    turns: list[Turn] = []
    before = roles(turns, "0" * 20)
    for number in range(1, 5):
        turns += [learner(before[-1][1]), partner("reply")]
        now = roles(turns, str(number) * 20)
        assert now[: len(before)] == before
        before = now


@given(st.lists(st.text("ab ", min_size=1, max_size=400), max_size=30), st.integers(200, 2000))
def test_what_is_sent_is_bounded_and_ends_with_the_learner(texts: list[str], max_chars: int) -> None:
    turns: list[Turn] = [learner(t) if i % 2 == 0 else partner(t) for i, t in enumerate(texts)]
    messages = roles(turns, "so", max_chars)
    assert messages[-1][0] == "user"
    assert messages[-1][1].endswith("so")
    assert sum(len(content) for _, content in messages) <= max_chars + 40 * len(messages) + 20
    assert all(one[0] != other[0] for one, other in pairwise(messages))
