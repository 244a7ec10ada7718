"""Money, measures, percentages: numbers together with their units."""

from __future__ import annotations

import re
from collections.abc import Iterable

from common.letters import VOWEL_SIGNS
from tts_service.text.normalise.language import Currency, Language, Noun
from tts_service.text.normalise.rules import NEXT_WORD, Rule

# A minus before a number, not a dash between two numbers.
SIGN = r"(?:(?<![\w.,)%°])(?<!\d )(?P<sign>[-−–])\s?)?"
START = r"(?<![\w.,/])(?<!\d:)"


def alternatives(written: Iterable[str]) -> str:
    """A pattern that matches any of `written`; the longest are tried first."""
    return "|".join(re.escape(one) for one in sorted(written, key=len, reverse=True))


def signed(language: Language, match: re.Match[str], spoken: str) -> str:
    """`spoken`, after the word for minus if the match has a sign."""
    return f"{language.signs.minus} {spoken}" if match["sign"] else spoken


def amount_rules(language: Language) -> list[Rule]:
    """Rules for money, percentages, temperatures and units."""
    return [*_money_rules(language), *_measure_rules(language)]


def _money_rules(language: Language) -> list[Rule]:
    number = language.number
    symbols = alternatives(language.currencies)
    magnitude = alternatives(language.magnitudes)
    second = rf"(?:\s?[-–]\s?(?:{symbols})?\s?(?P<to>{number}))?"
    size = rf"(?:(?P<gap>\s?)(?P<size>{magnitude})(?![\w]))?"

    def money(match: re.Match[str]) -> str:
        currency = language.currencies[match["currency"]]
        if match["size"]:
            is_one = language.code == "en" and re.search(r"\b[Aa] $", match.string[: match.start()])
            spoken = _sized(language, match, currency.main.one if is_one else currency.main.many)
        elif match["to"]:
            gap = NEXT_WORD if re.search(r"\s[-–]\s", match[0]) else " "
            spoken = (
                f"{language.amount(match['n'])} {language.signs.to}{gap}{language.counted(match['to'], currency.main)}"
            )
        else:
            spoken = _price(language, match["n"], currency, before=match.string[: match.start()])
        return signed(language, match, spoken)

    return [
        Rule(
            re.compile(rf"{SIGN}(?<![\w{VOWEL_SIGNS}])(?P<currency>{symbols})\s?(?P<n>{number}){second}{size}(?![\w])"),
            money,
        ),
        Rule(
            re.compile(rf"{START}{SIGN}(?P<n>{number}){second}{size}\s?(?P<currency>{symbols})(?![\w{VOWEL_SIGNS}])"),
            money,
        ),
    ]


def _sized(language: Language, match: re.Match[str], money: str) -> str:
    """ "$1.5 million", "$2-3 million": the number counts the size ("million"), and the currency follows."""
    size = language.magnitudes[match["size"]]
    last = match["to"] or match["n"]
    words = language.counted(last, size)
    number, _, word = words.rpartition(" ") if match["gap"] else ("", "", words)
    first = f"{language.amount(match['n'])} {language.signs.to} " if match["to"] else ""
    return f"{first}{number}{NEXT_WORD if number else ''}{word}{language.of_what(money)}{money}"


def _price(language: Language, written: str, currency: Currency, before: str) -> str:
    """Whole units and hundredths: "three dollars and fifty cents"."""
    whole, fraction = language.split(written)
    if len(fraction) != 2 or fraction == "00":
        written = written[: -len(fraction) - 1] if fraction and not fraction.strip("0") else written
        main = language.counted(written, currency.main)
        return _attributive(language, main, written, currency.main) if re.search(r"\b[Aa] $", before) else main
    cents = language.counted(fraction.lstrip("0"), currency.cent)
    if whole.strip("0") == "":
        return cents
    main = language.counted(written[: -len(fraction) - 1], currency.main)
    if language.cents_after:
        return f"{main}{language.cents_after}{language.cardinal(int(fraction))}"
    return f"{main} {language.signs.and_} {cents}"


def _attributive(language: Language, spoken: str, written: str, noun: Noun) -> str:
    """ "a five dollar bill": in English the noun stays singular."""
    return f"{language.amount(written)} {noun.one}" if language.code == "en" else spoken


def _measure_rules(language: Language) -> list[Rule]:
    number, signs, units = language.number, language.signs, language.units

    def percent(match: re.Match[str]) -> str:
        return signed(language, match, f"{language.amount(match['n'])}{_gap(match)}{signs.percent}")

    def measure(match: re.Match[str]) -> str:
        noun = units[match["unit"]]
        name = language.form(match["n"], noun)
        if language.code == "en" and re.search(r"\b[Aa] $", match.string[: match.start()]):
            name = noun.one
        return signed(language, match, f"{language.amount(match['n'], noun.gender)}{_gap(match)}{name}")

    def per(match: re.Match[str]) -> str:
        return language.per[match["unit"]]

    ends = rf"(?![\w²³/°{VOWEL_SIGNS}])(?:\.(?= [a-z]))?"
    return [
        Rule(re.compile(rf"{START}{SIGN}(?P<n>{number})(?P<gap>\s?)%"), percent),
        Rule(re.compile(rf"{START}{SIGN}(?P<n>{number})(?P<gap>\s?)(?P<unit>{alternatives(units)}){ends}"), measure),
        Rule(re.compile(rf"(?<=[\w€$£])/(?P<unit>{alternatives(language.per)})(?!\w)"), per),
    ]


def _gap(match: re.Match[str]) -> str:
    """What joins the readings of a number and its unit: NEXT_WORD if they are two written words."""
    return NEXT_WORD if match["gap"] and match[0][-1].isalnum() else " "
