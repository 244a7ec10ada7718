"""English: its own rules, and what the shared rules need. See english_words.py for the words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_service.text.normalise import english_words as words
from tts_service.text.normalise.abbreviations import abbreviation_rule, roman_rule
from tts_service.text.normalise.amounts import alternatives
from tts_service.text.normalise.arithmetic import is_year
from tts_service.text.normalise.calendar import time_rule
from tts_service.text.normalise.language import Language
from tts_service.text.normalise.rules import NEXT_WORD, Rule

_HALF_OF_DAY = r"(?P<space>\s?)(?P<half>[AaPp])\.?[Mm](?!\w)\.?"
_LABELS = (
    "War|Chapter|Part|Act|Scene|Volume|Book|Section|Article|Appendix|Phase|Type|Class|Level|Stage|Grade|Episode|Bowl|Unit"
    "|Figure|Table|Title|Round|Division|Mark|Vatican|Olympiad|No\\.|Vol\\.|[Cc]hapter|[Vv]olume|[Aa]ppendix"
)


class English(Language):
    """English. month_first: dates are written as in the United States."""

    code = "en"
    decimal = "."
    number = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
    fraction_by_digit = True
    signs = words.SIGNS
    currencies = words.CURRENCIES
    magnitudes = words.MAGNITUDES
    units = words.UNITS
    per = words.PER
    months = words.MONTHS
    month_names = words.MONTH_NAMES
    abbreviations = words.ABBREVIATIONS
    digits = words.DIGITS

    def __init__(self, *, month_first: bool) -> None:
        self.month_first = month_first

    def rules(self) -> Sequence[Rule]:
        return [
            *self._date_rules(),
            *self._time_rules(),
            *self._number_rules(),
            roman_rule(_LABELS, lambda _, value: self.cardinal(value), lambda _, value: f"the {self.ordinal(value)}"),
            *_title_rules(),
            abbreviation_rule(self.abbreviations),
            _initials(),
        ]

    def clock(self, hours: int, minutes: int, before: str) -> str:
        if (hours, minutes) == (0, 0):
            return "midnight"
        if minutes == 0:
            return f"{self.cardinal(hours)} o'clock" if hours <= 12 else f"{self.cardinal(hours)} hundred"
        return f"{'zero' if hours == 0 else self.cardinal(hours)} {self._minutes(minutes)}"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        spoken = f"{self.months[month - 1]} {self.ordinal(day)}"
        return f"{spoken}, {self.year(year)}" if year else spoken

    def fraction(self, numerator: int, denominator: int) -> str | None:
        if denominator == 2:
            return "one half" if numerator == 1 else None
        if denominator == 4:
            return "one quarter" if numerator == 1 else "three quarters"
        if not 2 < denominator <= 10 and denominator not in (12, 16, 20, 32, 50, 64, 100):
            return None
        plural = "s" if numerator > 1 else ""
        return f"{self.cardinal(numerator)} {self.ordinal(denominator)}{plural}"

    def mixed(self, whole: int, fraction: str) -> str:
        return f"{self.cardinal(whole)} and {re.sub('^one (?=half|quarter)', 'a ', fraction)}"

    def year(self, number: int) -> str:
        return super().year(number).replace(" oh-", " oh ")

    def _minutes(self, minutes: int) -> str:
        return f"oh {self.cardinal(minutes)}" if minutes < 10 else self.cardinal(minutes)

    def _date_rules(self) -> list[Rule]:
        names = alternatives(self.month_names)
        day = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
        second = r"(?:\s?[-–]\s?(?P<to>3[01]|[12]?\d)(?:st|nd|rd|th)?)?"
        # What follows the number must not show that it counts something other than days: "May 5%" is no date. That "May
        # 5 people come?" has no date can't be recognised.
        ends = r"(?![\w%°:/]|[.,]\d)"

        def days(match: re.Match[str]) -> str:
            last = f" to {self.ordinal(int(match['to']))}" if match["to"] else ""
            return f"{self.ordinal(int(match['day']))}{last}"

        def month_day(match: re.Match[str]) -> str:
            return f"{self._month(match)}{NEXT_WORD}{days(match)}"

        def day_month(match: re.Match[str]) -> str:
            has_article = re.search(r"\b[Tt]he $", match.string[: match.start()])
            return f"{'' if has_article else 'the '}{days(match)}{NEXT_WORD}of {self._month(match)}"

        return [
            Rule(re.compile(rf"(?<!\w)(?P<month>{names})\.? {day}{second}{ends}"), month_day),
            Rule(re.compile(rf"(?<![\w.,:/-]){day}{second} (?:of )?(?P<month>{names})(?!\w)"), day_month),
            Rule(re.compile(rf"(?<!\w)(?P<month>{names})\.?(?= [12]\d{{3}}(?!\d))"), self._month),
            Rule(
                re.compile(r"(?<![\w/])(?P<word>9/11|24/7|50/50)(?![\w/])"), lambda match: words.SET_PHRASES[match[0]]
            ),
        ]

    def _month(self, match: re.Match[str]) -> str:
        return self.months[self.month_names[match["month"]] - 1]

    def _time_rules(self) -> list[Rule]:
        hours = r"(?<![\w.,:/$£€])(?P<hours>1[0-2]|0?[1-9])"

        def half_of_day(match: re.Match[str]) -> str:
            minutes = int(match["minutes"] or 0)
            spoken = self.cardinal(int(match["hours"])) + (f" {self._minutes(minutes)}" if minutes else "")
            gap = NEXT_WORD if match["space"] else " "
            return f"{spoken}{gap}{match['half'].upper()}M{_kept_stop(match)}"

        def first_of_range(match: re.Match[str]) -> str:
            return f"{self.cardinal(int(match['hours']))} to "

        def ratio(match: re.Match[str]) -> str:
            return f"{self.cardinal(int(match[1]))} to {self.cardinal(int(match[2]))}"

        return [
            Rule(re.compile(rf"{hours}(?::(?P<minutes>[0-5]\d))?{_HALF_OF_DAY}"), half_of_day),
            Rule(re.compile(rf"{hours}[-–](?=\d{{1,2}}(?::\d\d)?\s?[ap]\.?m)"), first_of_range),
            time_rule(self),
            Rule(re.compile(r"(?<![\w.,:])(\d{1,3}):(\d{1,3})(?![\d:])"), ratio),
        ]

    def _number_rules(self) -> list[Rule]:
        def ordinal(match: re.Match[str]) -> str:
            return self.ordinal(int(match["n"].replace(",", "")))

        def decade(match: re.Match[str]) -> str:
            return _plural(self.year(int(match["n"])))

        def short_decade(match: re.Match[str]) -> str:
            return _plural(self.cardinal(int(match["n"])))

        def height(match: re.Match[str]) -> str:
            return f"{self.cardinal(int(match['feet']))} foot {self.cardinal(int(match['inches']))}"

        def many(match: re.Match[str]) -> str | None:
            return self.amount(match[0]) if is_year(match[0]) and int(match[0]) % 100 else None

        def score(match: re.Match[str]) -> str | None:
            reached, most = int(match["a"]), int(match["b"])
            return f"{self.cardinal(reached)} out of {self.cardinal(most)}" if reached <= most else None

        def labelled(match: re.Match[str]) -> str:
            plural = "s" if match["plural"] or re.match(r"\d+\s?[-–]", match.string[match.end() :]) else ""
            return words.NUMBERED[match["label"].lower()] + plural

        return [
            Rule(
                re.compile(r"(?<![\w.,/-])(?P<n>\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:st|nd|rd|th)(?!\w)", re.IGNORECASE),
                ordinal,
            ),
            Rule(re.compile(r"(?<![\w.,])(?P<n>[12]\d\d0)['’]?s(?!\w)"), decade),
            Rule(re.compile(r"(?<![\w.,])['’]?(?P<n>[1-9]0)['’]?s(?!\w)"), short_decade),
            Rule(re.compile(r"(?<![\w.,])(?P<feet>[3-7])['’′](?P<inches>1[01]|\d)(?:[\"”″]|'')?(?!\w)"), height),
            Rule(re.compile(rf"(?<![\w.,:/$£€-])\d{{4}}(?= (?:{words.COUNTED})(?!\w))"), many),
            Rule(
                re.compile(r"(?<!\w)(?P<label>no|vol|ch|fig|sec|p)(?P<plural>[sp])?\.(?= ?\d)", re.IGNORECASE), labelled
            ),
            Rule(re.compile(r"(?<![\w.,/-])(?P<a>\d{1,3})/(?P<b>10|20|50|100)(?![\w/-]|[.,]\d)"), score),
            Rule(re.compile(r"(?<=\b(?:call|dial) )\d{3}(?!\w|[.,-]\d)", re.IGNORECASE), lambda m: self.spelled(m[0])),
            Rule(re.compile(r"(?<![\w.,])(?P<n>\d+(?:\.\d+)?)x(?!\w)"), lambda m: f"{self.amount(m['n'])} times"),
        ]


def _plural(number: str) -> str:
    return re.sub("y$", "ie", number) + ("es" if number.endswith("x") else "s")


def _kept_stop(match: re.Match[str]) -> str:
    """A full stop if the match ends with a dot ("p.m.") at the end of the text, otherwise nothing."""
    at_end = re.fullmatch(r"[\s\"'”’»)\]]*", match.string[match.end() :])
    return "." if match[0].endswith(".") and at_end else ""


def _title_rules() -> list[Rule]:
    def title(match: re.Match[str]) -> str:
        return words.TITLES[match[0].rstrip(".")]

    def street(match: re.Match[str]) -> str:
        return words.STREETS[match["street"]] + _kept_stop(match)

    return [
        Rule(re.compile(rf"(?<![\w.])(?:{alternatives(words.TITLES)})\.?(?= [A-Z]|(?<=M[rs])\.? and\b)"), title),
        Rule(re.compile(rf"(?<=[a-z] )(?P<street>{alternatives(words.STREETS)})(?!\w)\.?(?! [A-Z])"), street),
    ]


def _initials() -> Rule:
    """ "H.G. Wells", "J. R. R. Tolkien", "the U.S. Army": the dots end no sentence, but the last one of a text may."""

    def say(match: re.Match[str]) -> str | None:
        if re.fullmatch(r"[\s\"'”’»)\]]*", match.string[match.end() :]):
            return None
        return match[0].replace(". ", NEXT_WORD)[:-1]

    return Rule(re.compile(r"(?<![\w.])(?:[A-Z]\.|(?:[a-z]\.){2,})+(?: (?:[A-Z]\.)+)*(?=[\s,;:)?!])"), say)
