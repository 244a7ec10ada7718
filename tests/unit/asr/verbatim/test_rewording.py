"""Punctuation, capitals and times stay right when words change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.engine import Word
from asr_service.verbatim.fillers import with_fillers
from asr_service.verbatim.rewording import reworded
from asr_service.verbatim.variants import Variant, variants_of


def spoken(text: str) -> list[Word]:
    return [Word(f" {word}", 100 * i, 100 * i + 80, 0.9) for i, word in enumerate(text.split())]


def text_of(words: tuple[Word, ...]) -> str:
    return "".join(word.text for word in words).strip()


@pytest.mark.parametrize(
    ("before", "variant", "after"),
    [
        ("I bought it.", Variant(1, 2, ("buyed",), "form"), "I buyed it."),
        ("I like apples.", Variant(2, 3, ("apple",), "form"), "I like apple."),
        ("People like it.", Variant(0, 1, ("peoples",), "form"), "Peoples like it."),
        ("The life is hard.", Variant(0, 1, (), "left out"), "Life is hard."),
        ("Life is hard.", Variant(0, 0, ("the",), "added"), "The life is hard."),
        ("I think so.", Variant(0, 0, ("the",), "added"), "The I think so."),
        ("What are you looking for?", Variant(4, 5, (), "left out"), "What are you looking?"),
        ("So, I went home.", Variant(1, 3, ("went", "i"), "moved"), "So, went I home."),
        ("Yes. I saw Anna there.", Variant(3, 5, ("there", "anna"), "moved"), "Yes. I saw there Anna."),
        ("Have you ever been?", Variant(0, 3, ("ever", "have", "you"), "moved"), "Ever have you been?"),
    ],
)
def test_text(before: str, variant: Variant, after: str) -> None:
    assert text_of(reworded(spoken(before), [variant])) == after


@given(
    st.lists(
        st.sampled_from(
            ["I", "go", "to", "the", "old", "house.", "Yes,", "we", "bought", "three", "apples,", "making", "it."]
        ),
        min_size=1,
    )
)
def test_times_stay_in_order_whatever_changes(texts: list[str]) -> None:
    words = spoken(" ".join(texts))
    for variant in variants_of([word.strip(".,").lower() for word in texts], [word[-1] in ".," for word in texts])[:40]:
        found = reworded(words, [variant])
        assert len(found) == len(words) - (variant.end - variant.start) + len(variant.words)
        edges = [edge for word in found for edge in (word.start, word.end)]
        assert edges == sorted(edges)


@pytest.mark.parametrize(
    ("own", "prompted", "both"),
    [
        ("I bought apples.", "I bought, um, apples.", "I bought um, apples."),
        ("I bought apples.", "Um, I buyed apples, uh.", "Um, I bought apples. uh,"),
        ("I bought apples.", "I bought some apples.", "I bought apples."),
        ("I bought, um, apples.", "I bought, um, apples.", "I bought, um, apples."),
    ],
)
def test_only_fillers_are_taken_from_the_second_decode(own: str, prompted: str, both: str) -> None:
    assert text_of(with_fillers(spoken(own), spoken(prompted))) == both
