"""What Spanish, French, Italian and Portuguese share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tts_service.text.normalise.abbreviations import QUEENS, ROMAN, abbreviation_rule, roman_rule, roman_value
from tts_service.text.normalise.amounts import alternatives
from tts_service.text.normalise.calendar import time_rule
from tts_service.text.normalise.language import Language
from tts_service.text.normalise.rules import Rule


class Romance(Language):
    """A language whose numbers agree in gender and whose rulers and centuries have Roman numerals."""

    labels: ClassVar[str]  # words that are numbered with Roman numerals, a pattern
    centuries: ClassVar[str]  # "siglo"
    last_ordinal: ClassVar[int]  # rulers and centuries beyond this have cardinals, "Alfonso trece"
    hours_written: ClassVar[str]  # what may stand after a time, a pattern: "15:30 h"
    ordinal_mark: ClassVar[str]  # what makes a number an ordinal, a pattern; its group `f` is for the feminine
    feminine: ClassVar[str]  # feminine nouns, most of them by their ending, a pattern
    no_noun: ClassVar[str]  # words after a number that are not nouns
    numbered: ClassVar[str]  # abbreviations of "number", a pattern

    def rules(self) -> Sequence[Rule]:
        names = alternatives(self.month_names)
        return [
            *self.own_rules(),
            Rule(re.compile(rf"(?<![\w.,])1(?= (?:{names})(?!\w))"), lambda _: self.first_of_month),
            Rule(re.compile(r"(?<![\w.,:/])(?P<hours>[01]?\d|2[0-4]) ?h ?(?P<minutes>[0-5]\d)(?!\w)"), self._clock),
            Rule(
                re.compile(rf"(?<![\w.,:/])(?P<hours>[01]?\d|2[0-4]):00 ?(?:{self.hours_written})(?!\w)"),
                self._full_hour,
            ),
            time_rule(self, rf"(?: ?(?:{self.hours_written})(?!\w))?"),
            Rule(re.compile(rf"(?<![\w.,])(?P<n>\d{{1,4}})(?:{self.ordinal_mark})(?!\w)"), self._ordinal),
            Rule(re.compile(rf"(?<!\w)(?:{self.numbered})(?= ?\d)", re.IGNORECASE), lambda _: self.signs.number),
            Rule(re.compile(rf"(?<!\w)(?P<roman>{ROMAN})(?= (?:{self.centuries})(?!\w))"), self._century),
            roman_rule(f"{self.labels}|{self.centuries}", self._labelled, self._regnal),
            abbreviation_rule(self.abbreviations),
        ]

    def late_rules(self) -> Sequence[Rule]:
        noun = rf"(?!(?:{self.no_noun})(?!\w))(?:(?P<f>{self.feminine})|[^\W\d_A-Z]+)"
        number = r"(?<![\w.,:/])(?<!\d )(?P<n>\d{1,3}|\d{1,3}(?:[. ]\d{3})+)"
        return [Rule(re.compile(rf"{number}(?= {noun}(?!\w))"), self._before_noun)]

    @abstractmethod
    def own_rules(self) -> Sequence[Rule]:
        """Rules of this language alone."""

    @abstractmethod
    def full_hour(self, hours: int) -> str:
        """A full hour as a time of day: "15 h"."""

    def _clock(self, match: re.Match[str]) -> str:
        return self.clock(int(match["hours"]), int(match["minutes"]), match.string[: match.start()])

    def _full_hour(self, match: re.Match[str]) -> str:
        return self.full_hour(int(match["hours"]))

    def _ordinal(self, match: re.Match[str]) -> str:
        return self.ordinal(int(match["n"]), "f" if match["f"] else "m")

    def _before_noun(self, match: re.Match[str]) -> str | None:
        """Make the number agree with the noun after it. In most cases, the noun's ending shows its gender."""
        if match["n"].startswith("0") and len(match["n"]) > 1:
            return None
        return self.amount(match["n"], "f" if match["f"] else "m")

    def _century(self, match: re.Match[str]) -> str:
        return self.ordinal(roman_value(match["roman"]))

    def _labelled(self, word: str, value: int) -> str:
        is_ordinal = re.fullmatch(self.centuries, word) and value <= self.last_ordinal
        return self.ordinal(value) if is_ordinal else self.cardinal(value)

    def _regnal(self, name: str, value: int) -> str:
        return (
            self.ordinal(value, "f" if name in QUEENS else "m") if value <= self.last_ordinal else self.cardinal(value)
        )
