"""Writes out what a voice can't read: "$3.50", "the 1990s", "5 km", "Nov. 29", "World War II".

    read = normaliser_for("en-US")
    read("It costs $3.50.").text → "It costs three dollars and fifty cents."

Each language of `_LANGUAGES` has a module with its words and its own rules; the rest is shared. In any other language,
the voice reads numbers and signs as they are written. Every spoken character remembers which written character it comes
from, so captions show what was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache

from tts_service.text.normalise.amounts import amount_rules
from tts_service.text.normalise.arithmetic import arithmetic_rules
from tts_service.text.normalise.calendar import date_rules
from tts_service.text.normalise.chinese import Chinese
from tts_service.text.normalise.english import English
from tts_service.text.normalise.french import French
from tts_service.text.normalise.german import German
from tts_service.text.normalise.hindi import Hindi
from tts_service.text.normalise.italian import Italian
from tts_service.text.normalise.japanese import Japanese
from tts_service.text.normalise.language import Language
from tts_service.text.normalise.portuguese import Portuguese
from tts_service.text.normalise.rules import Rule, apply_rules, without_spaces
from tts_service.text.normalise.spanish import Spanish
from tts_service.text.normalise.web import web_rules
from tts_service.text.speakable import Speakable, speakable
from tts_service.text.stops import TITLES

_LANGUAGES: dict[str, Callable[[str], Language]] = {
    "en": lambda country: English(month_first=country in ("", "US", "PH")),
    "de": lambda _: German(),
    "es": lambda _: Spanish(),
    "fr": lambda _: French(),
    "hi": lambda _: Hindi(),
    "it": lambda _: Italian(),
    "ja": lambda _: Japanese(),
    "pt": lambda _: Portuguese(),
    "zh": lambda _: Chinese(),
}


# For a language without a module: the voice reads numbers by its own rules, but it might say the names of these signs,
# so the signs are left out.
_UNKNOWN = [Rule(re.compile(r"[#~](?=[$£€¥]?\d)"), lambda _: "")]


# Words that may be read together with the words beside them.
_HAS_SIGN = re.compile(r"[\d$£€¥₹%½¼¾⅓⅔°]|(?<!\S)[+=×÷&#~]")
_AFTER_DIGITS = re.compile(r"\d\S* (?:of|de)$")  # "4th of July", "1 de mayo"
_AFTER_NAME = re.compile(r"[^\W\d_a-z]\w+ I$")  # "Elizabeth I of England"
_INITIAL = re.compile(r"(?<!\w)[^\W\d_]\.$")
_ROMAN = re.compile(r"[IVXL]+")
_LAST_WORD = re.compile(r"\S+$")
_FIRST_WORD = re.compile(r"(?P<marks>\W*)(?P<word>\w+)(?P<dot>\.?)")
_SHORT = 6  # abbreviations that are read with the word before them have at most this many characters, dot included


class Normaliser:
    """Gives the spoken form of a written text, in one language. abbreviations: in lower case, with their dots."""

    def __init__(self, rules: Sequence[Rule], abbreviations: Collection[str] = ()) -> None:
        self._rules = rules
        self._abbreviations = abbreviations

    def reads_together(self, before: str, after: str) -> bool | None:
        """Whether the rules read the last word of `before` and the first word of `after` together. None: `after` is too
        short to decide.

        Sometimes the result is True although the rules read the words separately.
        """
        last, first = _LAST_WORD.search(before), _FIRST_WORD.match(after)
        if last is None or first is None:
            return None
        if _HAS_SIGN.search(last[0]) or _HAS_SIGN.search(first["marks"] + first["word"][0]):
            return True
        if _ROMAN.fullmatch(last[0]) and last[0] != "I":  # "XXI secolo"
            return True
        if last[0].lower() in self._abbreviations or any(
            pattern.search(before) for pattern in (_AFTER_DIGITS, _AFTER_NAME, _INITIAL)
        ):
            return True
        after_name = last[0][0].isupper() and last[0][-1].isalnum()
        word = first["word"]
        if not word[0].isupper() or not (after_name or word[0] in "IVXL") or not last[0][-1].isalnum():
            return False
        if first.end() == len(after) and len(word) < _SHORT:
            return None
        if after_name and f"{word}{first['dot']}".lower() in self._abbreviations:
            return True
        return bool(_ROMAN.fullmatch(word)) and (after_name or word != "I")

    def __call__(self, written: str) -> Speakable:
        """The spoken form; false if there is nothing to say."""
        return apply_rules(self._rules, speakable(written))


@cache
def normaliser_for(language: str) -> Normaliser:
    """The normaliser of a language. language: a BCP-47 tag. Its country matters where countries write dates
    differently."""
    code, _, country = language.replace("_", "-").partition("-")
    create = _LANGUAGES.get(code.lower())
    if create is None:
        return Normaliser(_UNKNOWN)
    chosen = create(country.upper())
    tokens = {token.lower() for written in chosen.abbreviations for token in written.split()}
    known = {token for token in tokens if "." in token} | {f"{title}." for title in TITLES} | set(chosen.joining)
    return Normaliser(rules_of(chosen), known)


def rules_of(language: Language) -> list[Rule]:
    """All rules for a language, in their order."""
    rules = [
        *web_rules(language)[:2],
        *date_rules(language)[:2],
        *web_rules(language)[2:],
        *language.rules(),
        *date_rules(language)[2:],
        *amount_rules(language),
        *language.late_rules(),
        *arithmetic_rules(language),
    ]
    return [without_spaces(rule) for rule in rules] if language.spaceless else rules
