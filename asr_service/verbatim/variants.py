"""The variants of a turn's words that learners may have said: other forms, articles, prepositions, and another order.
Pure.

Recognition corrects what learners say, so most variants are incorrect English that it may have hidden. But sometimes a
variant is correct English, and the recogniser's own words are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from asr_service.verbatim.english import (
    ARTICLES,
    FUNCTION_WORDS,
    PREPOSITIONS,
    base_of_gerund,
    gerund,
    other_forms,
)

Kind = Literal["form", "added", "left out", "swapped", "moved"]
_FARTHEST = 3  # one word moves over at most this many words
_BEFORE_NO_INSERTION = frozenset((*ARTICLES, *PREPOSITIONS))

_RUN_TOGETHER = {
    "asleep": (("sleep",),),
    "within": (("with", "an"), ("with", "in")),
    "into": (("in", "to"), ("in", "the"), ("in",)),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """`words` in the place of the words [start, end). kind: how they differ."""

    start: int
    end: int
    words: tuple[str, ...]
    kind: Kind


def variants_of(words: Sequence[str], is_end: Sequence[bool]) -> list[Variant]:
    """The variants of the plain lower-case `words`. is_end: for each word, whether a punctuation mark
    follows it."""
    found = dict.fromkeys(_all(words, is_end))
    return [one for one in found if one.words != tuple(words[one.start : one.end])]


def _all(words: Sequence[str], is_end: Sequence[bool]) -> Iterator[Variant]:
    for i, word in enumerate(words):
        for form in sorted(other_forms(word)):
            yield Variant(i, i + 1, (form,), "form")
        if word in PREPOSITIONS:
            for other in (*PREPOSITIONS, *ARTICLES):
                yield Variant(i, i + 1, (other,), "swapped")
        for parts in _RUN_TOGETHER.get(word, ()):
            yield Variant(i, i + 1, parts, "form")
        if word in FUNCTION_WORDS and len(words) > 1:
            yield Variant(i, i + 1, (), "left out")
        yield from _added(words, i, is_end)
        yield from _infinitives(words, i)
    yield from _moved(words, is_end)


def _added(words: Sequence[str], i: int, is_end: Sequence[bool]) -> Iterator[Variant]:
    if words[i] not in _BEFORE_NO_INSERTION:
        for article in ARTICLES:
            yield Variant(i, i, (article,), "added")
    if i and not is_end[i - 1] and words[i - 1] not in _BEFORE_NO_INSERTION and words[i] not in PREPOSITIONS:
        for preposition in PREPOSITIONS:
            yield Variant(i, i, (preposition,), "added")


def _infinitives(words: Sequence[str], i: int) -> Iterator[Variant]:
    if base := base_of_gerund(words[i]):
        yield Variant(i, i + 1, ("to", base), "form")
        yield Variant(i, i + 1, ("to", words[i]), "form")
        yield Variant(i, i + 1, (base, "in"), "form")
    if words[i] == "to" and i + 1 < len(words) and words[i + 1] not in FUNCTION_WORDS:
        yield Variant(i, i + 2, (gerund(words[i + 1]),), "form")


def _moved(words: Sequence[str], is_end: Sequence[bool]) -> Iterator[Variant]:
    """The variants in which one word is moved behind up to three of the following words, or before up to three of the
    preceding ones."""
    for i in range(len(words)):
        for j in range(i + 2, min(i + 2 + _FARTHEST, len(words) + 1)):
            if any(is_end[i : j - 1]):
                break
            yield Variant(i, j, (*words[i + 1 : j], words[i]), "moved")
            yield Variant(i, j, (words[j - 1], *words[i : j - 1]), "moved")
