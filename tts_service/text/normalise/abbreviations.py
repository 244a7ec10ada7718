"""Abbreviations with a dot, and Roman numerals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from common.letters import VOWEL_SIGNS
from tts_service.text.normalise.amounts import alternatives
from tts_service.text.normalise.rules import Rule

_AT_END = re.compile(r"[\s\"'”’»)\]]*$")
ROMAN = r"(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_PRONOUN = re.compile(r"\s(?!of\b)\w|\s?$|['’](?!s\b)")  # what follows the pronoun "I"
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}

# Kings, queens and popes of many countries
_NAMES = """
    Albert Albrecht Alejandro Alexander Alfonso Benedetto Benedict Benedikt Boniface Bonifatius Carlo Carlos
    Catherine Charles Christian Clement Clemente Dinis Eduardo Edward Elisabeth Elisabetta Elizabeth Emanuele Enrico
    Enrique Felipe Ferdinand Ferdinando Fernando Filippo Francesco Francis Francisco Franz François Frederick
    Friedrich Georg George Georges Giacomo Giorgio Giovanni Gregor Gregorio Gregory Guglielmo Guillaume Gustav
    Haakon Harald Heinrich Henri Henrique Henry Isabel Isabella Isabelle Ivan Jacob James Jean Johannes John Jorge
    José João Juan Julius Karl Katharina Leo Leopold Leopoldo Louis Ludwig Luigi Luis Luís Manuel Margaret Maria
    Mary Maximilian Napoleon Napoleone Napoleón Napoléon Nicholas Nicola Nikolaus Otto Paolo Paul Paulo Pedro Peter
    Philip Philipp Philippe Pio Pius Pío Ramses Richard Rodolfo Rudolf Sixtus Tiberius Umberto Urban Victor Victoria
    Vittorio Wilhelm William
"""
REGNAL = frozenset(_NAMES.split())
_QUEENS = "Catherine Elisabeth Elisabetta Elizabeth Isabel Isabella Isabelle Katharina Margaret Maria Mary Victoria"
QUEENS = frozenset(_QUEENS.split())


def abbreviation_rule(abbreviations: Mapping[str, str]) -> Rule:
    """Writes abbreviations out. At the end of the text, the dot is a full stop as well."""
    known = {written[0].upper() + written[1:]: spoken for written, spoken in abbreviations.items()} | dict(
        abbreviations
    )

    def say(match: re.Match[str]) -> str:
        spoken = known[match[0]]
        return spoken + ("." if match[0].endswith(".") and _AT_END.match(match.string, match.end()) else "")

    return Rule(re.compile(rf"(?<![\w.{VOWEL_SIGNS}])(?:{alternatives(known)})(?![\w{VOWEL_SIGNS}])"), say)


def roman_value(numeral: str) -> int:
    """The value of a numeral of I, V, X and L."""
    values = [_VALUES[letter] for letter in numeral]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))


def roman_rule(
    labels: str, say_label: Callable[[str, int], str], say_regnal: Callable[[str, int], str], *, ending: str = ""
) -> Rule:
    """A rule for Roman numerals after a word that is numbered (`labels`, a pattern: "Chapter") and after names.

    say_label: gives the reading of a numeral from the word before it and the numeral's value. say_regnal: the same
    after a ruler's name (one of REGNAL). After other names, `say_label` reads numerals of at least two letters without
    an L. "I" after a ruler's name is read only if it is not the pronoun. ending: a pattern of what may follow the
    numeral.
    """
    label = re.compile(labels)

    def say(match: re.Match[str]) -> str | None:
        numeral = match["roman"]
        before = re.search(r"(\w+) $", match.string[: match.start()])
        if before is None:
            return None
        word, value = before[1], roman_value(numeral)
        if label.fullmatch(word):
            return say_label(word, value)
        if not word[0].isupper() or (numeral == "I" and _PRONOUN.match(match.string, match.end())):
            return None
        if word in REGNAL:
            return say_regnal(word, value)
        return say_label(word, value) if len(numeral) > 1 and "L" not in numeral else None

    return Rule(re.compile(rf"(?<=\w )(?P<roman>{ROMAN}){ending}(?!\w|\.\w|-\w|['’](?!s\b)\w)"), say)
