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
    """A number up to 99 in words. None for any other word with digits; a word without digits as it is.

    word: as `rewording.plain` returns it.
    """
    if not any(character.isdigit() for character in word):
        return word
    if not word.isdecimal() or len(word) > 2:
        return None
    number = int(word)
    if number < 20:
        return _BELOW_20[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens - 2]} {_BELOW_20[ones]}" if ones else _TENS[tens - 2]
