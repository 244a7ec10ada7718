"""Finds signs in the learner's words that a task was done. No model is asked.

`said` is a list of groups, each a list of phrases. A turn shows the task if it has at least one phrase of every group.
Phrases are compared word by word: case and punctuation don't count, `cough*` stands for every word that begins with
"cough", and `#` for a number in digits or an English number word from "two" on. A sign shows that the words were
said, not what was meant: "I don't want coffee" contains "coffee".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from common.letters import LETTERS_AND_DIGITS, UNSPACED

Said = Sequence[Sequence[str]]

# In a script without spaces between words, each letter counts as a word.
_WORD = re.compile(rf"[{UNSPACED}]|{LETTERS_AND_DIGITS}(?:'{LETTERS_AND_DIGITS})*")
_ENGLISH_NUMBERS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million"
)
_NUMBER = rf"(?:\d[^ ]*|{'|'.join(_ENGLISH_NUMBERS.split())})"


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation; an apostrophe inside a word is part of it."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def is_shown(said: Said, turns: Iterable[str]) -> bool:
    """Whether one of the learner's turns has a phrase of every group."""
    return any(not missing_groups(said, turn) for turn in turns)


def missing_groups(said: Said, turn: str) -> list[Sequence[str]]:
    """The groups of which `turn` has no phrase."""
    spoken = f" {' '.join(words_of(turn))} "
    return [group for group in said if not any(_pattern(phrase).search(spoken) for phrase in group)]


def is_phrase(phrase: str) -> bool:
    """Whether `phrase` can be said at all: whether it contains a word or a number."""
    return any(piece == "#" or words_of(piece) for piece in phrase.split())


@lru_cache(maxsize=8192)
def _pattern(phrase: str) -> re.Pattern[str]:
    """A pattern that finds the phrase in words separated by single spaces."""
    return re.compile("".join(f" {_word_pattern(piece)}" for piece in phrase.split()) + "(?= )")


def _word_pattern(piece: str) -> str:
    if piece == "#":
        return _NUMBER
    words = " ".join(map(re.escape, words_of(piece)))
    return words + "[^ ]*" if piece.endswith("*") else words
