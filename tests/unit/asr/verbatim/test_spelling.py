"""Inflected words sound like their base with an ending."""

from __future__ import annotations

import pytest

from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.spelling import inflected

KNOWN = {
    "teach": ("t", "i", "t͡ʃ"),
    "want": ("w", "ɑ", "n", "t"),
    "book": ("b", "ʊ", "k"),
    "dog": ("d", "ɔ", "g"),
    "make": ("m", "eɪ", "k"),
    "cut": ("k", "ʌ", "t"),
    "live": ("l", "aɪ", "v"),
    "city": ("s", "ɪ", "t", "i"),
}


@pytest.mark.parametrize(
    ("word", "sound"),
    [
        ("teached", "tit͡ʃt"),
        ("teaches", "tit͡ʃɪz"),
        ("wanted", "wɑntɪd"),
        ("books", "bʊks"),
        ("dogs", "dɔgz"),
        ("making", "meɪkɪŋ"),
        ("cutted", "kʌtɪd"),
        ("cities", "sɪtiz"),
    ],
)
def test_a_known_base_gets_its_ending(word: str, sound: str) -> None:
    assert "".join(inflected(word, KNOWN) or ()) == sound


@pytest.mark.parametrize("word", ["lives", "thing", "bed", "book", "bus"])
def test_any_other_word_is_spelled_by_the_network(word: str) -> None:
    assert inflected(word, KNOWN) is None


def test_the_network_agrees() -> None:
    spelled, derived = Phonemes(), Phonemes()
    derived.of_words(["work", "want", "teach"])
    for word in ("works", "wanted", "teaching"):
        assert spelled.of_words([word]) == derived.of_words([word])
