"""Plain numbers, ranges, sums, signs before a number, and fractions, also with a unit."""

from __future__ import annotations

import re

from tts_service.text.normalise.amounts import SIGN, START, alternatives, signed
from tts_service.text.normalise.language import Language
from tts_service.text.normalise.rules import NEXT_WORD, Rule

FRACTIONS = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_YEARS = range(1010, 2100)


def is_year(written: str) -> bool:
    """Whether `written` is four digits that are likely to be a year."""
    return len(written) == 4 and written.isdigit() and int(written) in _YEARS


def arithmetic_rules(language: Language) -> list[Rule]:
    """Rules for fractions, then for signs between numbers, then for numbers."""
    return [*_fraction_rules(language), *_operator_rules(language), *_number_rules(language)]


def _fraction_rules(language: Language) -> list[Rule]:
    def fraction(match: re.Match[str]) -> str | None:
        numerator, denominator = FRACTIONS[match["sign"]] if match["sign"] else (int(match["a"]), int(match["b"]))
        words = language.fraction(numerator, denominator) if numerator < denominator else None
        if words is None:
            return None
        unit = language.units.get(match["unit"])
        if match["whole"]:
            words = language.mixed(int(match["whole"]), words)
            return f"{words} {unit.many}" if unit else words
        if unit is None:
            return words
        return language.half_of(unit) if words == language.half else f"{words}{language.of_what(unit.one)}{unit.one}"

    written = r"(?P<a>\d{1,2})/(?P<b>\d{1,3})"
    either = rf"(?:(?P<sign>[{''.join(FRACTIONS)}])|{written})"
    before = rf"{START}(?<![/-])"
    unit = rf"(?:\s?(?P<unit>{alternatives(language.units)})(?!\w))?"
    return [
        Rule(
            re.compile(rf"{before}(?:(?P<whole>\d{{1,3}})(?: (?=\d)|(?=[^\d/])))?{either}{unit}(?![\w/-]|[.,]\d)"),
            fraction,
        )
    ]


def _operator_rules(language: Language) -> list[Rule]:
    signs = language.signs
    names = {"+": signs.plus, "=": signs.equals, "×": signs.times, "*": signs.times, "÷": signs.divided}

    def operator(match: re.Match[str]) -> str:
        return names[match["sign"]]

    def dimensions(match: re.Match[str]) -> str:
        return f" {signs.by} ".join(language.cardinal(int(side)) for side in re.split("[x×]", match[0]))

    def dash(match: re.Match[str]) -> str:
        return (signs.less or signs.minus) if _is_minus(match) else signs.to

    return [
        Rule(re.compile(r"(?<=[\d)²³%½¼¾]) ?(?P<sign>[+=×÷*]) ?(?=[-−(]?[\d(½¼¾])"), operator),
        Rule(re.compile(r"(?<=[\w)]) (?P<sign>[+=×÷])(?= [\w(-])"), operator),
        Rule(re.compile(r"(?<=\d)(?P<sign>\+)(?!\w)"), operator),
        Rule(re.compile(r"(?<!\S)(?P<sign>[+=])(?=\d)"), operator),
        Rule(re.compile(rf"{START}\d{{1,6}}(?:[x×]\d{{1,6}})+(?!\w)"), dimensions),
        Rule(re.compile(r"(?<=\d) [x×] (?=\d)"), lambda match: signs.times if "=" in match.string else signs.by),
        Rule(re.compile(r"(?<=\d) / (?=\d)"), lambda _: signs.divided),
        Rule(re.compile(r"(?<=[\d%°]) ?[-–−] ?(?=[$£€¥]?\d)"), dash),
    ]


def _is_minus(match: re.Match[str]) -> bool:
    """Whether a dash between two numbers is a minus and not part of a range."""
    text = match.string
    if "−" in match[0] or re.search(r"=", text[match.end() :]) or re.search(r"=\s*[\d.,]+$", text[: match.start()]):
        return True
    before, after = re.search(r"[\d.,]+$", text[: match.start()]), re.match(r"[\d.,]+", text[match.end() :])
    if not before or not after or " " not in match[0]:
        return False
    first, second = before[0].strip(".,"), after[0].strip(".,")
    if is_year(first) and is_year(second):
        return False
    return "-" in match[0] or _value(first) >= _value(second)


def _value(written: str) -> float:
    return float(re.sub(r"\D", "", written) or 0)


def _number_rules(language: Language) -> list[Rule]:
    signs = language.signs

    def number(match: re.Match[str]) -> str:
        written = match["n"]
        if is_year(written) and not match["sign"]:
            return language.year(int(written))
        return signed(language, match, language.amount(written))

    def sized(match: re.Match[str]) -> str:
        size = language.magnitudes[match["size"]]
        return signed(
            language, match, f"{language.amount(match['n'], size.gender)}{NEXT_WORD}{language.form(match['n'], size)}"
        )

    ends = r"(?!\w|[.,]\d)"
    words = alternatives(word for word in language.magnitudes if len(word) > 2)
    return [
        Rule(re.compile(rf"{START}{SIGN}(?P<n>{language.number})\s(?P<size>{words})(?!\w)"), sized),
        Rule(re.compile(r"#(?=\d)"), lambda _: f"{signs.number} "),
        Rule(re.compile(r"~ ?(?=[$£€]?\d)"), lambda _: f"{signs.about} "),
        Rule(re.compile(rf"{START}{SIGN}(?P<n>{language.number}){ends}"), number),
        Rule(re.compile(r"(?<=[\w.]) ?& ?(?=\w)"), lambda match: f"{signs.and_}"),
    ]
