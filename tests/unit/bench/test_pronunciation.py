"""The sentences and the figures of the pronunciation bench."""

from __future__ import annotations

from math import inf

import pytest

from asr_service.verbatim.slips import Slip
from bench.pronunciation.__main__ import Judged, area, report, share
from bench.pronunciation.sentences import Sentence, sentences
from bench.pronunciation.speech import phonemes_of

THINK = Sentence("I think so.", 1, Slip("θ", "s"))


def test_there_are_two_sentences_for_each_slip() -> None:
    found = sentences()
    assert len(found) == 40
    assert len({one.slip for one in found}) == 20
    assert found[0].words == ["i", "think", "he", "is", "right"]
    assert found[0].word == 1


@pytest.mark.parametrize("sentence", sentences(), ids=lambda one: one.text)
def test_the_slip_changes_one_phoneme_of_its_word(sentence: Sentence) -> None:
    right, wrong = ("".join(phonemes_of(sentence, is_wrong=is_wrong)).split(" ") for is_wrong in (False, True))
    changed = [place for place, (one, other) in enumerate(zip(right, wrong, strict=True)) if one != other]
    assert changed == [sentence.word]


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    assert area([3, 4], [1, 2]) == 1
    assert area([1, -inf], [1, -inf]) == 0.5


def test_the_report_counts_takes_and_words() -> None:
    wrong = Judged(THINK, True, [False, True, False], [[0, 4, 0], [0, 2, 0]])
    right = Judged(THINK, False, [False, False, False], [[0, -1, 0], [0, 1, 0]])
    lines = report([wrong, right]).splitlines()
    assert lines[0].endswith("names 100% of 1 mispronounced words, and 0.0% of the 3 words said right")
    assert "area under the curve 1.00" in lines[1]
    assert lines[5] == "  margin 3: mispronounced 50.0% of 2, in both takes 0.0% of 1; words said right 0.0% of 6"
    assert share([1, 2, 3, 4], 2) == "50.0% of 4"
