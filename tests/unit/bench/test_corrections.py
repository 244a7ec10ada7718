"""GLEU compared with values computed by hand, and how the bench reads sentences and answers."""

from __future__ import annotations

import math

import pytest

from bench.corrections import Corpus, as_text, as_tokens, by_rules, figures
from bench.gleu import corpus_gleu

SOURCE = ["he", "go", "to", "school", "now"]
RIGHT = ["he", "goes", "to", "school", "now"]
OTHER = ["he", "is", "going", "to", "school", "now"]


def test_a_perfect_correction_has_100() -> None:
    assert corpus_gleu([SOURCE], [[RIGHT]], [RIGHT]) == pytest.approx(100)


def test_doing_nothing_pays_for_what_should_have_changed() -> None:
    # 4 of the 5 words are right, and "go" is subtracted: 3 of 5. 2 of the 4 pairs are right ("to school" and "school
    # now"), and "he go" and "go to" are subtracted: 0 of 4.
    assert corpus_gleu([SOURCE], [[RIGHT]], [SOURCE]) == 0


def test_the_penalty_and_the_brevity_by_hand() -> None:
    source, reference = list("abcdefghij"), list("abcdefghix")
    # The right ones, less the one that should have changed: 9 − 1 of 10 words, 8 − 1 of 9 pairs, 7 − 1 of 8 threes,
    # 6 − 1 of 7 fours.
    expected = math.exp((math.log(8 / 10) + math.log(7 / 9) + math.log(6 / 8) + math.log(5 / 7)) / 4)
    assert corpus_gleu([source], [[reference]], [source]) == pytest.approx(100 * expected)
    short = reference[:8]
    assert corpus_gleu([source], [[reference]], [short]) == pytest.approx(100 * math.exp(1 - 10 / 8))


def test_of_several_people_one_is_drawn_again_and_again() -> None:
    alone = [corpus_gleu([SOURCE], [[own]], [OTHER]) for own in (RIGHT, OTHER)]
    both = corpus_gleu([SOURCE], [[RIGHT, OTHER]], [OTHER])
    assert both == pytest.approx(sum(alone) / 2, abs=5)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("So I think we can not live .", "So I think we can not live."),
        ("They do n't know , but it 's fine !", "They don't know, but it's fine!"),
        ("It ( the house ) costs $ 5 .", "It (the house) costs $5."),
    ],
)
def test_sentences_go_to_the_model_as_people_write_and_come_back_in_tokens(tokens: str, text: str) -> None:
    assert as_text(tokens.split()) == text
    assert as_tokens(text, tokens.split()) == tokens.split()


def test_a_rejected_correction_leaves_the_sentence_unchanged() -> None:
    corpus = Corpus([SOURCE, RIGHT], [[RIGHT] * 4, [RIGHT] * 4])
    nothing = figures(corpus, [None, None], 1.0)
    assert nothing.gleu == nothing.doing_nothing < 100
    assert (nothing.usable, nothing.changed, nothing.left_alone) == (0, 0, 1)
    perfect = figures(corpus, [" ".join(RIGHT), " ".join(RIGHT)], 1.0)
    assert perfect.gleu == pytest.approx(100)
    assert (perfect.usable, perfect.changed) == (1, 0.5)
    worse = figures(corpus, [None, "he going school"], 1.0)
    assert worse.left_alone == 0
    assert worse.gleu < nothing.gleu


def test_rules_correct_what_they_find() -> None:
    assert by_rules("She buyed it.") == "She bought it."
    assert by_rules("She bought it.") is None
