"""Which sounds are backchannels, and which words are turns."""

from __future__ import annotations

import pytest

from gateway.ports import HeardWord
from gateway.reply.backchannels import is_backchannel, is_echo, is_unsure


@pytest.mark.parametrize(
    "text", ["mhm", "Mm-hmm.", "Yeah.", "Yeah, yeah.", "Okay", "Uh-huh", "I see.", "Oh, really?", "Got it.", ""]
)
def test_sounds_of_listening(text: str) -> None:
    assert is_backchannel(text, "en-GB")


@pytest.mark.parametrize("text", ["Oh, I see.", "Right, right.", "Uh-huh, yeah.", "Ah, okay, sure.", "Yes, yes, mhm."])
def test_several_sounds_of_listening_are_no_more_than_one(text: str) -> None:
    assert is_backchannel(text, "en")


@pytest.mark.parametrize("text", ["M-H-N, M-H-N.", "T f f.", "HRM.", "Pff", "M. M. M."])
def test_a_noise_is_spelled_without_a_vowel(text: str) -> None:
    assert is_backchannel(text, "en")
    assert is_backchannel(text, "fr")


@pytest.mark.parametrize(
    "text", ["Stop.", "Wait!", "No.", "Okay, but why?", "Yes, I went there too.", "What?", "Yes, please.", "Why?", "I."]
)
def test_words_that_ask_for_the_floor(text: str) -> None:
    assert not is_backchannel(text, "en")


def test_an_unfinished_text_may_still_become_a_sound() -> None:
    assert is_backchannel("Oh, I...", "en", unfinished=True)
    assert not is_backchannel("Oh, I...", "en")
    assert not is_backchannel("Oh, I think", "en", unfinished=True)
    assert not is_backchannel("I see it", "en", unfinished=True)
    assert not is_backchannel("Stop", "en", unfinished=True)


def test_each_language_has_its_own() -> None:
    assert is_backchannel("Ach so.", "de-DE")
    assert is_backchannel("D’accord.", "fr")
    assert not is_backchannel("Nein.", "de")
    assert is_backchannel("okay", "xx")  # "okay" is a backchannel in nearly all languages


@pytest.mark.parametrize(
    ("language", "listening", "turn"),
    [
        ("hi", "अच्छा, ठीक है।", "ठीक नहीं है।"),
        ("ja", "はい、なるほど。", "待って。"),
        ("zh", "嗯，对。", "等一下。"),
        ("en", "Go ahead. Carry on, go on.", "Go home."),
    ],
)
def test_languages_of_the_voices_have_sounds_of_listening(language: str, listening: str, turn: str) -> None:
    assert is_backchannel(listening, language)
    assert not is_backchannel(turn, language)
    assert not is_backchannel(listening, "fr")  # a language's list counts only in that language


def test_a_doubted_word_that_asks_for_the_floor_counts_in_any_script() -> None:
    assert not is_unsure(heard("रुकिए", 0.2), "hi")
    assert not is_unsure(heard("等一下", 0.2), "zh")


def heard(text: str, *confidences: float) -> list[HeardWord]:
    return [HeardWord(word, 0, 1, confidence) for word, confidence in zip(text.split(), confidences, strict=True)]


def test_few_words_that_the_recogniser_doubts_are_a_noise() -> None:
    assert is_unsure(heard("Thank you.", 0.4, 0.3), "en")
    assert is_unsure(heard("in a month.", 0.1, 0.8, 0.9), "en")  # one improbable word is enough
    assert not is_unsure(heard("Be quiet.", 0.35, 0.95), "en")
    assert not is_unsure(heard("I like this story", 0.2, 0.2, 0.2, 0.2), "en")
    assert not is_unsure([], "en")


def test_words_that_ask_for_the_floor_are_believed() -> None:
    assert not is_unsure(heard("Stop.", 0.3), "en")
    assert not is_unsure(heard("Slower, please.", 0.2, 0.3), "en-US")
    assert not is_unsure(heard("Warte!", 0.2), "de")
    assert is_unsure(heard("Warte!", 0.0), "en")


SAYS = "Once upon a time there was a dragon, who lived in a cave near the village."


@pytest.mark.parametrize(
    "text", ["there was a dragon who lived", "was a dragon, he lived in a cave", "time there was a"]
)
def test_an_echo_has_the_partners_words_in_its_order(text: str) -> None:
    assert is_echo(text, SAYS)


@pytest.mark.parametrize(
    "text", ["a dragon", "please stop talking now", "I know a dragon too", "village the near cave", ""]
)
def test_the_learners_own_words_are_no_echo(text: str) -> None:
    assert not is_echo(text, SAYS)


@pytest.mark.parametrize("text", ["Go on.", "Oh, carry on!", "Go ahead."])
def test_telling_the_partner_to_go_on_does_not_interrupt(text: str) -> None:
    assert is_backchannel(text, "en")


def test_english_words_mean_nothing_in_a_language_without_a_list() -> None:
    assert not is_backchannel("Really right.", "cy")
    assert is_backchannel("Oh, okay.", "cy")
    assert is_unsure(heard("How?", 0.2), "cy")
    assert is_backchannel("Pois é, tá bom.", "pt-BR")
