"""The words that a learner may really have said where recognition wrote others."""

from __future__ import annotations

import pytest

from asr_service.verbatim.english import gerund, other_forms, regular_past, third_person
from asr_service.verbatim.rewording import plain
from asr_service.verbatim.variants import variants_of


def texts(sentence: str) -> set[str]:
    words = [plain(word) for word in sentence.split()]
    variants = variants_of(words, [word[-1] in ".,?" for word in sentence.split()])
    return {" ".join([*words[: one.start], *one.words, *words[one.end :]]) for one in variants}


@pytest.mark.parametrize(
    ("recognised", "said"),
    [
        ("Yesterday I bought apples.", "yesterday i buyed apples"),
        ("He cut the bread.", "he cutted the bread"),
        ("I have seen it.", "i have see it"),
        ("People like it.", "peoples like it"),
        ("People like it.", "people likes it"),
        ("She watches television.", "she watch television"),
        ("My baby cries.", "my baby cry"),
        ("I must go home.", "i must to go home"),
        ("I enjoy reading books.", "i enjoy to read books"),
        ("I want to buy it.", "i want buying it"),
        ("She is working a hospital.", "she is work in a hospital"),
        ("I have a dog.", "i have dog"),
        ("I have an idea.", "i have a idea"),
        ("I go to work.", "i go to the work"),
        ("It depends on you.", "it depends of you"),
        ("I listen to music.", "i listen music"),
        ("We discussed the plan.", "we discussed about the plan"),
        ("Have you ever been there?", "have ever you been there"),
        ("I like this song very much.", "i like very this song much"),
        ("Much time.", "many time"),
        ("Three loaves.", "three loaf"),
    ],
)
def test_a_mistake_is_among_the_variants(recognised: str, said: str) -> None:
    assert said in texts(recognised)


def test_no_word_moves_over_a_mark() -> None:
    assert "i am tired so go home you" not in texts("I am tired. You go home.")
    assert "you i am tired go home" not in texts("I am tired. You go home.")


def test_no_variant_is_the_text_itself_and_none_comes_twice() -> None:
    words = ["i", "have", "been", "to", "the", "old", "house", "in", "the", "town"]
    variants = variants_of(words, [False] * len(words))
    assert len(variants) == len(set(variants))
    assert all(one.words != tuple(words[one.start : one.end]) for one in variants)
    assert all(0 <= one.start <= one.end <= len(words) for one in variants)


def test_endings() -> None:
    assert [third_person(word) for word in ("go", "study", "play", "watch")] == ["goes", "studies", "plays", "watches"]
    assert [regular_past(word) for word in ("buy", "cut", "study", "like")] == ["buyed", "cutted", "studied", "liked"]
    assert [gerund(word) for word in ("make", "get", "see", "read")] == ["making", "getting", "seeing", "reading"]


@pytest.mark.parametrize(
    ("word", "base"), [("making", "make"), ("stopped", "stop"), ("cities", "city"), ("studied", "study")]
)
def test_the_base_is_spelled_right(word: str, base: str) -> None:
    assert base in other_forms(word)
