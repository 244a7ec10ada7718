"""How common a word is, as shown to a learner who looks it up."""

from __future__ import annotations

import pytest
import wordfreq

from gateway.analysis.word_frequency import lexicon_of, look_up
from gateway.history import CefrLevel


@pytest.mark.parametrize(
    ("word", "cefr"),
    [("the", "A1"), ("coffee", "A2"), ("bridge", "A2"), ("kitchen", "B1"), ("recommend", "B1"), ("breathtaking", "C1")],
)
def test_a_frequent_word_is_of_a_low_level(word: str, cefr: CefrLevel) -> None:
    (found,) = look_up(word, "en").words
    assert (found.word, found.cefr) == (word, cefr)


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("colour", "color"),
        ("favourite", "favorite"),
        ("organised", "organized"),
        ("travelled", "traveled"),
        ("centre", "center"),
        ("defence", "defense"),
        ("analyse", "analyze"),
        ("mum", "mom"),
    ],
)
def test_a_british_spelling_is_as_frequent_as_the_american_one(british: str, american: str) -> None:
    one, other = look_up(f"{british} {american}", "en").words
    assert one.zipf == other.zipf


def test_a_word_that_only_looks_british_keeps_its_frequency() -> None:
    for word in ("four", "hour", "wise", "raise", "called", "installed", "fence", "filled"):
        assert look_up(word, "en").words[0].zipf == wordfreq.zipf_frequency(word, "en")


def test_each_word_comes_once_and_in_order() -> None:
    found = look_up("The sea, the sea! It’s the SEA.", "en")
    assert [word.word for word in found.words] == ["the", "sea", "it's"]


def test_a_word_that_is_no_word_has_no_level() -> None:
    (found,) = look_up("xqzzt", "en").words
    assert (found.zipf, found.band, found.cefr) == (0.0, "unknown", None)


def test_a_language_without_a_list_says_so() -> None:
    found = look_up("hello", "zxx")
    assert found.words == ()
    assert found.unknown_because == "There is no list of word frequencies for 'zxx'."


@pytest.mark.parametrize(
    "language", ["cy", "ga", "sw", "ka", "zu", "eu", "gl", "kk", "hy", "af", "lb", "gsw", "be", "not a tag"]
)
def test_no_language_is_rated_by_the_list_of_another(language: str) -> None:
    assert look_up("hello", language).unknown_because == f"There is no list of word frequencies for '{language}'."


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("no", "hus"),
        ("nb-NO", "hus"),
        ("hr", "voda"),
        ("sr-Latn", "voda"),
        ("es-MX", "agua"),
        ("fa-AF", "آب"),
        ("iw", "מים"),
    ],
)
def test_a_list_is_found_by_each_name_of_its_language(language: str, word: str) -> None:
    (found,) = look_up(word, language).words
    assert found.zipf > 4


def test_regions_share_one_list_in_memory() -> None:
    lexicon_of("en").zipf("garden")
    before = wordfreq.get_frequency_dict.cache_info().currsize
    assert lexicon_of("en-US").zipf("garden") == lexicon_of("en-AU").zipf("garden") == lexicon_of("en").zipf("garden")
    assert wordfreq.get_frequency_dict.cache_info().currsize == before
