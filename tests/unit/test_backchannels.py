"""Sounds that are no turns, and words that are."""

from __future__ import annotations

import pytest

from gateway.backchannels import is_backchannel, is_echo, is_unsure
from gateway.ports import HeardWord


@pytest.mark.parametrize(
    "text", ["mhm", "Mm-hmm.", "Yeah.", "Yeah, yeah.", "Okay", "Uh-huh", "I see.", "Oh, really?", ""]
)
def test_sounds_of_listening(text: str) -> None:
    assert is_backchannel(text, "en-GB")


@pytest.mark.parametrize("text", ["Stop.", "Wait!", "No.", "Okay, but why?", "Yes, I went there too.", "What?"])
def test_words_that_ask_for_the_floor(text: str) -> None:
    assert not is_backchannel(text, "en")


def test_each_language_has_its_own() -> None:
    assert is_backchannel("Ach so.", "de-DE")
    assert is_backchannel("D’accord.", "fr")
    assert not is_backchannel("Nein.", "de")
    assert is_backchannel("okay", "xx")  # as in English, where nothing better is known


def word(text: str, confidence: float) -> HeardWord:
    return HeardWord(text, 0, 1, confidence)


def test_few_words_that_the_recogniser_doubts_are_a_noise() -> None:
    assert is_unsure([word("Thank", 0.4), word("you.", 0.3)])
    assert not is_unsure([word("Stop.", 0.9)])
    assert not is_unsure([word("a", 0.2), word("b", 0.2), word("c", 0.2)])
    assert not is_unsure([])


SAYS = "Once upon a time there was a dragon, who lived in a cave near the village."


@pytest.mark.parametrize(
    "heard", ["there was a dragon who lived", "was a dragon, he lived in a cave", "time there was a"]
)
def test_an_echo_has_the_partners_words_in_its_order(heard: str) -> None:
    assert is_echo(heard, SAYS)


@pytest.mark.parametrize(
    "heard", ["a dragon", "please stop talking now", "I know a dragon too", "village the near cave", ""]
)
def test_the_learners_own_words_are_no_echo(heard: str) -> None:
    assert not is_echo(heard, SAYS)
