"""The sentences that the bundled model learns to correct."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from gateway.analysis.grammar import is_credible
from gateway.analysis.trained_corrections import SYSTEM
from training.corrections import Rewriting, read
from training.mistakes import with_mistakes


@pytest.fixture(scope="module")
def rewritings() -> list[Rewriting]:
    return read()


def test_there_are_many_right_and_many_wrong_ones(rewritings: list[Rewriting]) -> None:
    counts = Counter(one.said == one.corrected for one in rewritings)
    assert all(count > 5000 for count in counts.values())


def test_no_sentence_is_right_in_one_place_and_wrong_in_another(rewritings: list[Rewriting]) -> None:
    answers: dict[str, set[str]] = {}
    for one in rewritings:
        answers.setdefault(one.said, set()).add(one.corrected)
    assert not {said: those for said, those in answers.items() if len(those) > 1}


def test_most_corrections_would_be_believed(rewritings: list[Rewriting]) -> None:
    wrong = [one for one in rewritings if one.said != one.corrected]
    assert sum(is_credible(one.said, one.corrected) for one in wrong) > 0.94 * len(wrong)


def test_the_model_gets_them_as_the_gateway_asks() -> None:
    messages = Rewriting("I goes.", "I go.", "here").messages()
    assert [(message.role, message.content) for message in messages] == [
        ("system", SYSTEM),
        ("user", "I goes."),
        ("assistant", "I go."),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- I goes.\n= I go.", 2),
        ("- I goes.\n", 2),
        ("+ I go.", 1),
        ("= I go.\nI go.", 2),
        ("= ", 1),
        ("- I goes.\n- I go.", 2),
    ],
)
def test_an_error_names_its_place(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"a.txt:{line}: not a sentence")):
        read(tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("My sister brings me soup.", "My sister bring me soup."),
        ("I went home.", "I goed home."),
        ("I want to go.", "I want go."),
        ("She is very nice.", "She very nice."),
        ("I have two dogs.", "I have two dog."),
        ("We met on Monday.", "We met at Monday."),
        ("It was in the garden.", "It was in garden."),
        ("Did you go there?", "Did you went there?"),
        ("He enjoys swimming and likes singing.", "He enjoy swimming and likes singing."),
    ],
)
def test_mistakes_are_made_of_the_kinds_that_learners_make(right: str, wrong: str) -> None:
    made = {with_mistakes(right, random.Random(seed)) for seed in range(1500)}
    assert wrong in made
    assert right not in made


def test_the_same_seed_makes_the_same_mistakes_and_nothing_stays_without_words() -> None:
    right = "Yesterday my brother went to the market and bought three big apples for our mother."
    assert with_mistakes(right, random.Random(5)) == with_mistakes(right, random.Random(5))
    assert with_mistakes("Oh!", random.Random(1)) == "Oh!"
