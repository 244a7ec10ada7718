"""Dates and times of day, written in digits."""

from __future__ import annotations

import calendar
import re

from tts_service.text.normalise.language import Language
from tts_service.text.normalise.rules import Rule

_ISO = re.compile(r"(?<![\w./-])(?P<year>[12]\d{3})-(?P<month>\d{2})-(?P<day>\d{2})(?![\w/-])")
_FULL = re.compile(
    r"(?<![\w./-])(?P<a>\d{1,2})(?P<mark>[./-])(?P<b>\d{1,2})(?P=mark)(?P<year>[12]\d{3}|\d{2})(?![\w/-]|\.\d)"
)
_SHORT = re.compile(r"(?<![\w./,-])(?P<a>\d{1,2})/(?P<b>\d{1,2})(?![\w/-]|[.,]\d)")
_TIME = r"(?<![\w.,:/])(?P<hours>[01]?\d|2[0-4]):(?P<minutes>[0-5]\d)(?::[0-5]\d)?(?![\d:])"


def date_rules(language: Language) -> list[Rule]:
    """Rules for dates in digits. Two numbers with a slash ("11/12") may be a fraction or a date; they are read as a
    date only if the language doesn't read them as a fraction."""

    def iso(match: re.Match[str]) -> str | None:
        return _read(language, match, int(match["day"]), int(match["month"]), int(match["year"]))

    def full(match: re.Match[str]) -> str | None:
        year = int(match["year"])
        day, month = _day_and_month(language, int(match["a"]), int(match["b"]))
        return _read(language, match, day, month, year if year > 99 else 2000 + year if year < 70 else 1900 + year)

    def short(match: re.Match[str]) -> str | None:
        first, second = int(match["a"]), int(match["b"])
        if language.fraction(first, second) is not None and first < second:
            return None
        day, month = _day_and_month(language, first, second)
        return _read(language, match, day, month, None)

    return [Rule(_ISO, iso), Rule(_FULL, full), Rule(_SHORT, short)]


def time_rule(language: Language, after: str = "") -> Rule:
    """A rule for 15:30. after: a pattern of what may follow and is read with it."""

    def say(match: re.Match[str]) -> str:
        return language.clock(int(match["hours"]), int(match["minutes"]), match.string[: match.start()])

    return Rule(re.compile(_TIME + after), say)


def _day_and_month(language: Language, first: int, second: int) -> tuple[int, int]:
    """Which of two numbers is the day and which is the month: in the country's usual order, unless that is
    impossible."""
    month_first = (language.month_first and first <= 12) or second > 12
    return (second, first) if month_first else (first, second)


def _read(language: Language, match: re.Match[str], day: int, month: int, year: int | None) -> str | None:
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year or 2000, month)[1]:
        return None
    return language.date(day, month, year, match.string[: match.start()])
