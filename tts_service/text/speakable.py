"""Removes from a written clause what can't be spoken: markdown marks, emoji, addresses of web pages.

Every character of the result remembers which character of the clause it came from. So a time in the speech can still be
mapped to a place in the text as written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from tts_service.text.clauses import has_words
from tts_service.text.stops import TITLES

_AFTER_TITLE = "|".join(rf"(?<=\b{title})" for title in sorted(TITLES))

# (written, spoken instead). If several match at one place, the first one counts.
_RULES: tuple[tuple[str, str], ...] = (
    (r"\]\([^()\s]*\)", ""),  # the address in [text](address)
    (r"<?(?:https?://|www\.)[^\s<>]*[^\s<>.,;:!?…)\]}'\"”*_]>?", ""),
    (r"</?[A-Za-z][^<>]*>", " "),  # HTML tags
    (rf"(?:{_AFTER_TITLE})\.(?=\s)", ""),  # otherwise a voice takes the dot of "Dr." for a full stop
    (r"(?:\.{2,}|…)[.…]*(?=\s*[^\W_])", ", "),  # otherwise espeak runs the words around an ellipsis together
    (r"\.{2,}|…", "."),
    (r"(?<=\d)\s*[*×]\s*(?=\d)", " × "),  # kept, because only the normaliser knows the language's word for it
    (r"^\s*[-+•*]\s", ""),  # a list's bullet
    (r"\s[-–•](?=\s)(?!(?<=\d\s[-–])\s+[$£€¥]?\d)", ","),  # a dash between words, not between numbers
    (r"(?<![^\W_])_+|_+(?![^\W_])", ""),  # _emphasis_, but not snake_case
    (r"(?:[*`|\\\[\]{}]|#(?!\d)|~(?![$£€]?\d))+", ""),
)
_PATTERN = re.compile("|".join(f"({pattern})" for pattern, _ in _RULES), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Speakable:
    """The text to speak. origins[i] is the place in the clause that text[i] comes from; origins never decrease."""

    text: str
    origins: tuple[int, ...]

    def __bool__(self) -> bool:
        return has_words(self.text)


def speakable(clause: str) -> Speakable:
    """The text to speak for `clause`. It is false if there is nothing to say."""
    said: list[tuple[str, int]] = []
    position = 0
    for match in _PATTERN.finditer(clause):
        said += _plain(clause, position, match.start())
        said += ((char, match.start()) for char in _RULES[(match.lastindex or 1) - 1][1])
        position = match.end()
    said += _plain(clause, position, len(clause))
    said = _single_spaces(said)
    return Speakable("".join(char for char, _ in said), tuple(origin for _, origin in said))


def _plain(clause: str, start: int, end: int) -> list[tuple[str, int]]:
    return [(sound, place) for place in range(start, end) if (sound := _sound(clause[place]))]


def _sound(char: str) -> str:
    """The character itself; a space for emoji and control characters; nothing for invisible joiners and hyphens."""
    category = unicodedata.category(char)
    if category == "Cf" or char in "\ufe0f\u20e3":
        return ""
    is_picture = (char > "\u2122" and category in ("So", "Sk")) or "\u2190" <= char <= "\u21ff"
    return " " if is_picture or category.startswith("C") else char


def _single_spaces(said: list[tuple[str, int]]) -> list[tuple[str, int]]:
    result: list[tuple[str, int]] = []
    for char, origin in said:
        if not char.isspace():
            result.append((char, origin))
        elif result and result[-1][0] != " ":
            result.append((" ", origin))
    return result[:-1] if result and result[-1][0] == " " else result
