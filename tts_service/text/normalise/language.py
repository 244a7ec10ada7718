"""The data of one language for the normaliser: words for numbers, signs and units, and how numbers are written."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from num2words import num2words

from tts_service.text.normalise.rules import Rule

_MOST_DIGITS = 15  # a longer number is read digit by digit


@dataclass(frozen=True, slots=True)
class Noun:
    """Something that is counted. gender: "m", "f" or "n", if numbers agree with it."""

    one: str
    many: str
    gender: str = "m"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency and its hundredth."""

    main: Noun
    cent: Noun


@dataclass(frozen=True, slots=True)
class Signs:
    """How signs are read."""

    point: str  # in a decimal number
    minus: str
    plus: str
    times: str
    by: str  # of dimensions, "2 x 4"
    divided: str
    equals: str
    percent: str
    to: str  # of a range
    and_: str
    at: str  # in an e-mail address
    dot: str  # in an e-mail or web address
    slash: str
    hyphen: str
    underscore: str
    number: str  # "#5"
    about: str  # "~5"
    less: str = ""  # "5 - 3"; empty: as minus


def pairs(table: str) -> dict[str, str]:
    """A table from "written = spoken; other | another = spoken", over any number of lines."""
    entries = [entry.partition(" = ") for entry in " ".join(table.split()).split(";") if entry.strip()]
    return {one.strip(): spoken.strip() for written, _, spoken in entries for one in written.split(" | ")}


def nouns(table: str, *, plural: str = "s") -> dict[str, Noun]:
    """A table of nouns: "km = kilometre; ft = foot, feet; h = heure f". A plural that is not given is regular."""
    return {written: _noun(spoken, plural) for written, spoken in pairs(table).items()}


def currencies(table: str, cent: Noun) -> dict[str, Currency]:
    """Currencies that share the name of their hundredth, from a table as for nouns()."""
    return {written: Currency(main, cent) for written, main in nouns(table).items()}


def numbered(names: str, *, before: str = "") -> dict[str, int]:
    """Names of months and their numbers; before: the text before each name."""
    return {f"{before}{name}": number for number, name in enumerate(names.split(), start=1)}


def parts_named(names: str, *, plural: str = "s") -> dict[int, Noun]:
    """A third, a quarter and so on, by their denominators: "terzo,terzi" or, if its plural is regular, "third"."""
    parts = {2: Noun("", "")}  # half has its own names
    for denominator, name in enumerate(names.split(), start=3):
        one, _, many = name.partition(",")
        parts[denominator] = Noun(one, many or one + plural)
    return parts


def _noun(spoken: str, plural: str) -> Noun:
    both, gender = spoken, "m"
    if re.search(r" [mfn]$", spoken):
        both, gender = spoken[:-2], spoken[-1]
    one, _, many = both.partition(", ")
    return Noun(one, many or one + plural, gender)


class Language(ABC):
    """One language. Subclasses fill in the words and how dates, times and fractions are read."""

    code: ClassVar[str]  # as num2words names it
    decimal: ClassVar[str] = ","
    number: ClassVar[str] = r"(?:\d{1,3}(?:[. ]\d{3})+(?!\d)|\d+)(?:,\d+)?|\d+\.\d{1,2}"
    phone_pairs: ClassVar[bool] = False  # are the groups of a phone number read as numbers?
    fraction_by_digit: ClassVar[bool] = False  # 3.14: "one four", not "fourteen"
    one_below_two: ClassVar[bool] = False  # is it "1.5 litre"?
    spaceless: ClassVar[bool] = False  # is it written without spaces between words?
    month_first: bool = False  # is 3/4 in March?

    signs: ClassVar[Signs]
    currencies: ClassVar[Mapping[str, Currency]]
    magnitudes: ClassVar[Mapping[str, Noun]]  # "million" and its abbreviations
    of: ClassVar[str] = ""  # between "million" and what it counts
    units: ClassVar[Mapping[str, Noun]]
    per: ClassVar[Mapping[str, str]]  # what may follow a slash, "5 €/kg"
    months: ClassVar[Sequence[str]]
    month_names: ClassVar[Mapping[str, int]]  # as they are written, abbreviations included
    abbreviations: ClassVar[Mapping[str, str]]  # with their dots
    digits: ClassVar[Sequence[str]]
    joining: ClassVar[Sequence[str]] = ()  # words, in lower case, that rules read together with the next word
    cents_after: ClassVar[str] = ""  # before cents without their name: "tres euros con cincuenta"; empty: with the name

    # For `date`, `fraction` and `mixed` below, unless a subclass overrides these.
    first_of_month: ClassVar[str] = ""
    day_and_month: ClassVar[str] = " "  # between a day, its month and the year
    half: ClassVar[str] = ""  # alone
    half_after: ClassVar[str] = ""  # "two and …"
    parts: ClassVar[Mapping[int, Noun]] = MappingProxyType({})  # a third, a quarter, by their denominators

    @abstractmethod
    def rules(self) -> Sequence[Rule]:
        """Rules of this language alone. They come after the shared rules for addresses, dates with a year, phone
        numbers and versions, and before the other shared rules."""

    def late_rules(self) -> Sequence[Rule]:
        """Rules that come after those for amounts, before those for numbers alone."""
        return []

    @abstractmethod
    def clock(self, hours: int, minutes: int, before: str) -> str:
        """A time of day; before: the text before it."""

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        """A date; before: the text before it."""
        name = self.first_of_month if day == 1 else self.cardinal(day)
        spoken = f"{name}{self.day_and_month}{self.months[month - 1]}"
        return f"{spoken}{self.day_and_month}{self.year(year)}" if year else spoken

    def fraction(self, numerator: int, denominator: int) -> str | None:
        """A fraction in words, such as "three quarters"; None if it is not read as a fraction."""
        part = self.parts.get(denominator)
        if part is None or (denominator == 2 and numerator > 1):
            return None
        return (
            self.half
            if denominator == 2
            else f"{self.cardinal(numerator, part.gender)} {part.one if numerator == 1 else part.many}"
        )

    def mixed(self, whole: int, fraction: str) -> str:
        """A whole number and a fraction in words, such as "two and a half"."""
        return f"{self.cardinal(whole)} {self.signs.and_} {self.half_after if fraction == self.half else fraction}"

    def of_what(self, name: str) -> str:
        """What stands between "million", or a fraction, and the noun after it: a space, or a word with its spaces."""
        return self.of or " "

    def half_of(self, noun: Noun) -> str:
        """Half of a unit."""
        return f"{self.half} {noun.one}"

    def agree(self, words: str, gender: str) -> str:
        """The words of a cardinal number before a noun of this gender."""
        return words

    def cardinal(self, number: int, gender: str = "") -> str:
        """A number in words, such as "twenty-one". With a gender, it is in the form before a noun."""
        words = self._in_words(number, "cardinal")
        return self.agree(words, gender) if gender else words

    def ordinal(self, number: int, gender: str = "m") -> str:
        """An ordinal number in words, such as "twenty-first"."""
        words = self._in_words(number, "ordinal")
        return " ".join(re.sub("o$", "a", word) for word in words.split()) if gender == "f" else words

    def year(self, number: int) -> str:
        """A year in words, such as "nineteen eighty-four"."""
        return self._in_words(number, "year")

    def spelled(self, digits: str) -> str:
        """The digits one by one."""
        return " ".join(self.digits[int(digit)] for digit in digits)

    def split(self, written: str) -> tuple[str, str]:
        """The digits before and after the decimal sign."""
        if self.decimal == "," and re.fullmatch(r"\d+\.\d{1,2}", written):
            whole, _, fraction = written.partition(".")
        else:
            whole, _, fraction = written.partition(self.decimal)
        return re.sub(r"\D", "", whole), fraction

    def amount(self, written: str, gender: str = "") -> str:
        """The reading of a number that is written in digits, perhaps with separators."""
        whole, fraction = self.split(written)
        if len(whole) > _MOST_DIGITS or (len(whole) > 1 and whole[0] == "0"):
            words = self.spelled(whole)
        else:
            words = self.cardinal(int(whole), "" if fraction else gender)
        if not fraction:
            return words
        by_digit = self.fraction_by_digit or fraction[0] == "0" or len(fraction) > 2
        return f"{words} {self.signs.point} {self.spelled(fraction) if by_digit else self.cardinal(int(fraction))}"

    def form(self, written: str, noun: Noun) -> str:
        """`noun` in the form that follows the number."""
        whole, fraction = self.split(written)
        one = whole == "1" and not fraction
        if self.one_below_two:
            one = whole in ("0", "1")
        return noun.one if one else noun.many

    def counted(self, written: str, noun: Noun) -> str:
        """A number and its noun."""
        return f"{self.amount(written, noun.gender)} {self.form(written, noun)}"

    def _in_words(self, number: int, kind: str) -> str:
        return str(num2words(number, lang=self.code, to=kind)).replace(",", "")
