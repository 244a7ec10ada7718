"""Fillers in `make bench-verbatim`: correct sentences with an "um" or "uh" in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from bench.verbatim.report import words_of
from bench.verbatim.sentences import Pair, pairs
from bench.verbatim.speech import voice_of

FILLERS = ("um", "uh")
_EVERY = 5
"""Two of this many pairs get a filler."""
_AFTER = 3
"""This many words come before the filler."""


class Listener(Protocol):
    """See `bench.verbatim.__main__.Ears`."""

    def hear(self, text: str, voice: str) -> tuple[str, str]:
        """The transcript from recognition, and the one from the verbatim pass."""
        ...


def with_fillers() -> Iterator[tuple[Pair, str]]:
    """Pairs, and their correct sentence with a filler after the third word: "We live in, uh, a house with a red door."

    Half of the pairs of each voice are in the tuned half.
    """
    for number, pair in enumerate(pair for pair in pairs() if pair.number // 2 % _EVERY in (0, 1)):
        words = pair.right.split()
        filler = FILLERS[number // 2 % len(FILLERS)]
        yield pair, f"{' '.join(words[:_AFTER])}, {filler}, {' '.join(words[_AFTER:])}"


def count(text: str) -> int:
    """How many fillers are in a transcript."""
    return sum(Counter(words_of(text))[filler] for filler in FILLERS)


def filler_table(ears: Listener) -> str:
    """How many of the spoken fillers are recognised, as a Markdown table."""
    rows = ["| fillers said | recognition | verbatim pass | sentences with one too many |", "| --- | --- | --- | --- |"]
    for half in ("tuned", "held out"):
        counts = [
            tuple(map(count, ears.hear(text, voice_of(pair)))) for pair, text in with_fillers() if pair.half == half
        ]
        before, after = (sum(min(1, one[place]) for one in counts) for place in (0, 1))
        many = sum(one[1] > 1 for one in counts)
        rows.append(f"| {half}: {len(counts)} | {before / len(counts):.0%} | {after / len(counts):.0%} | {many} |")
    return "\n".join(rows)
