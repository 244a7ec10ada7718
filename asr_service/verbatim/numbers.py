"""Numbers as words, since recognition writes "10" for "ten"."""

from __future__ import annotations

_BELOW_20 = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled_out(word: str) -> str | None:
    """The plain `word`; if it is a number up to 99, in words. None for other words with digits."""
    if not any(character.isdigit() for character in word):
        return word
    if not word.isdecimal() or len(word) > 2:
        return None
    number = int(word)
    if number < 20:
        return _BELOW_20[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens - 2]} {_BELOW_20[ones]}" if ones else _TENS[tens - 2]
