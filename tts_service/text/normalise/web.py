"""E-mail addresses, names of web sites, phone numbers, version numbers."""

from __future__ import annotations

import re

from tts_service.text.normalise.language import Language
from tts_service.text.normalise.rules import NEXT_WORD, Rule

# Domains of two letters that are common English words (at, be, in, is, it, me, no, so, to, us) are not listed, because
# people forget the space after a full stop. Some of those listed are words of other languages (au, de, es).
_DOMAINS = "com|org|net|edu|gov|info|biz|dev|app|io|ai|tv|uk|eu|de|fr|es|pt|br|ch|ca|au|nl|jp|cn|ru"
_SPELLED = frozenset(_DOMAINS.partition("|io|")[2].split("|")) | {"io"}  # "dot I O"
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]*\w@\w[\w-]*(?:\.\w[\w-]*)+")
_SITE = re.compile(
    rf"(?<![\w.@/-])(?:[a-z0-9][a-z0-9-]*\.)+(?:{_DOMAINS})(?![\w-]|\.\w)(?:/[\w./-]*\w)?/?", re.IGNORECASE
)
_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:\+\d{1,3}[ -]?)?(?:\(\d{2,5}\)[ -]?)?(?:\d{1,5}[ -](?=\d)){1,5}\d{2,8}(?![\w/:-]|[.,]\d)"
)
_VERSION = re.compile(r"(?<![\w.,])\d{1,6}(?:\.\d{1,6}){2,}(?![\w]|,\d)")
_YEARS = re.compile(r"[12]\d{3}[ -][12]\d{3}")
_PHONE_DIGITS = range(7, 16)


def web_rules(language: Language) -> list[Rule]:
    """Rules for text that is read sign by sign or digit by digit."""
    signs = language.signs
    names = {"@": signs.at, ".": signs.dot, "/": signs.slash, "-": signs.hyphen, "_": signs.underscore, "+": signs.plus}

    def address(match: re.Match[str]) -> str:
        parts = re.findall(r"[^\W_]+|[\W_]", match[0])
        last = max((number for number, part in enumerate(parts) if part.lower() in _SPELLED), default=-1)
        return " ".join(
            names.get(part, " ".join(part.upper()) if number == last else part) for number, part in enumerate(parts)
        )

    def phone(match: re.Match[str]) -> str | None:
        digits = re.sub(r"\D", "", match[0])
        if len(digits) not in _PHONE_DIGITS or _YEARS.fullmatch(match[0]) or _is_grouped(match[0], language):
            return None
        return NEXT_WORD.join(", ".join(map(group, re.findall(r"\+?\d+", word))) + "," for word in match[0].split())[
            :-1
        ]

    def group(written: str) -> str:
        digits = written.lstrip("+")
        plus = f"{signs.plus} " if written != digits else ""
        in_pairs = language.phone_pairs and len(digits) == 2 and digits[0] != "0"
        return plus + (language.cardinal(int(digits)) if in_pairs else language.spelled(digits))

    def version(match: re.Match[str]) -> str | None:
        if language.decimal == "," and re.fullmatch(r"\d{1,3}(?:\.\d{3})+", match[0]):
            return None
        return f" {signs.dot} ".join(language.cardinal(int(part)) for part in match[0].split("."))

    return [Rule(_EMAIL, address), Rule(_SITE, address), Rule(_PHONE, phone), Rule(_VERSION, version)]


def _is_grouped(written: str, language: Language) -> bool:
    """Whether `written` is one number whose digits are in groups of three, with spaces between the groups. Nine digits
    that begin with 6, 7, 8 or 9 are a phone number instead."""
    has_spaces = " " in language.number and re.fullmatch(r"\d{1,3}(?: \d{3})+", written) is not None
    return has_spaces and not re.fullmatch(r"[6-9]\d\d \d{3} \d{3}", written)
