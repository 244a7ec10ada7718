"""Rewrites a text by rules, and remembers which written word each spoken word comes from.

A rule is a pattern and a function that gives the reading of a match. Rules are tried in order, each on the whole
written text, so that a pattern can look around its match. Later rules don't change what an earlier rule has matched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from common.letters import VOWEL_SIGNS
from tts_service.text.speakable import Speakable

# Separates the readings of two written words in a rule's reading: "five|kilometres" for "5 km".
NEXT_WORD = "|"
# Kana and Chinese characters, between which there are no spaces. To be used within [].
KANA_AND_HAN = r"\u3040-\u30ff\u3400-\u9fff"

_LETTER_OR_DIGIT = re.compile(rf"[^\W_]|[{VOWEL_SIGNS}]")
_TWO_UNSPACED = re.compile(rf"[{KANA_AND_HAN}]{{2}}")
_SPACE_BETWEEN = re.compile(rf"(?<=[{KANA_AND_HAN}]) +(?=[{KANA_AND_HAN}])")
_WRITTEN_WORD = re.compile(r"\S*[^\W_]\S*")


@dataclass(frozen=True, slots=True)
class Rule:
    """say: gives the reading of a match; None leaves the match as it is."""

    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of the characters [start, end)."""

    start: int
    end: int
    spoken: str


def without_spaces(rule: Rule) -> Rule:
    """The same rule for Chinese and Japanese: a number may touch the characters beside it, and its reading has no
    spaces."""

    def say(match: re.Match[str]) -> str | None:
        spoken = rule.say(match)
        return None if spoken is None else _SPACE_BETWEEN.sub("", spoken)

    return Rule(re.compile(rule.pattern.pattern, rule.pattern.flags & ~re.UNICODE | re.ASCII), say)


def apply_rules(rules: Iterable[Rule], said: Speakable) -> Speakable:
    """`said` with every match replaced by its rule's reading. Origins stay in order."""
    readings = _readings(rules, said.text)
    if not readings:
        return said
    result: list[tuple[str, int]] = []
    place = 0
    starts = {reading.start for reading in readings}
    for reading in readings:
        _append(result, zip(said.text[place : reading.start], said.origins[place : reading.start], strict=True))
        spoken = [(char, said.origins[at]) for char, at in _placed(said.text, reading)]
        _append(result, spoken, apart=True)
        place = reading.end
        following = said.text[place : place + 1]
        if (
            spoken
            and following.isalnum()
            and place not in starts
            and not _TWO_UNSPACED.match(spoken[-1][0] + following)
        ):
            result.append((" ", said.origins[place]))
    _append(result, zip(said.text[place:], said.origins[place:], strict=True))
    while result and result[-1][0] == " ":
        result.pop()
    return Speakable("".join(char for char, _ in result), tuple(origin for _, origin in result))


def _readings(rules: Iterable[Rule], text: str) -> list[_Reading]:
    """The readings, in order and without overlap."""
    taken = bytearray(len(text))
    found: list[_Reading] = []
    for rule in rules:
        place = 0
        while match := rule.pattern.search(text, place):
            start, end = match.span()
            spoken = None if start == end or any(taken[start:end]) else rule.say(match)
            if spoken is None:
                place = start + 1
                continue
            found.append(_Reading(start, end, spoken))
            taken[start:end] = b"\1" * (end - start)
            place = end
    return sorted(found, key=lambda reading: reading.start)


def _placed(text: str, reading: _Reading) -> list[tuple[str, int]]:
    """The characters of a reading, each with the start of the written word that it belongs to."""
    words = [match.start() for match in _WRITTEN_WORD.finditer(text, reading.start, reading.end)] or [reading.start]
    parts = reading.spoken.split(NEXT_WORD)
    if len(parts) != len(words):
        parts = _shared(" ".join(parts).split(), len(words))
    return [(char, at) for at, part in zip(words, parts, strict=True) for char in f"{part.strip()} "][:-1]


def _shared(spoken: Sequence[str], count: int) -> list[str]:
    """The spoken words, divided into `count` parts of about the same size. If there are too few words, the last parts
    are empty."""
    if len(spoken) < count:
        return [*spoken, *[""] * (count - len(spoken))]
    edges = [len(spoken) * number // count for number in range(count + 1)]
    return [" ".join(spoken[start:end]) for start, end in pairwise(edges)]


def _append(result: list[tuple[str, int]], chars: Iterable[tuple[str, int]], *, apart: bool = False) -> None:
    """Add `chars`, without two spaces in a row. apart: if two words would touch, a space is added between them."""
    for char, origin in chars:
        if (
            apart
            and result
            and _LETTER_OR_DIGIT.match(result[-1][0])
            and char.isalnum()
            and not _TWO_UNSPACED.match(result[-1][0] + char)
        ):
            result.append((" ", origin))
        apart = False
        if char != " " or (result and result[-1][0] != " "):
            result.append((char, origin))
