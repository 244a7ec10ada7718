"""Hindi."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from common.letters import VOWEL_SIGNS
from tts_service.text.normalise.abbreviations import abbreviation_rule
from tts_service.text.normalise.amounts import alternatives
from tts_service.text.normalise.calendar import time_rule
from tts_service.text.normalise.hindi_numbers import DIGITS, cardinal
from tts_service.text.normalise.language import Language, Noun, Signs, currencies, nouns, pairs
from tts_service.text.normalise.rules import Rule

_LATIN_DIGITS = str.maketrans("०१२३४५६७८९", "0123456789")
_MONTHS = "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्तूबर नवंबर दिसंबर"
_CURRENCIES = {
    **currencies("₹ | रु. | रु | रू. | रू | Rs. | Rs | INR = रुपया, रुपये", Noun("पैसा", "पैसे")),
    **currencies("€ | EUR = यूरो, यूरो; $ | US$ | USD = डॉलर, डॉलर", Noun("सेंट", "सेंट")),
    **currencies("£ | GBP = पाउंड, पाउंड", Noun("पेनी", "पेंस")),
    **currencies("¥ = येन, येन", Noun("सेन", "सेन")),
}
_IRREGULAR = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
_ENDINGS = {"m": "ा", "f": "ी", "oblique": "े"}
_REGULAR_ENDINGS = {"m": "वाँ", "f": "वीं", "oblique": "वें"}


class Hindi(Language):
    """Hindi: words of its own for halves and quarters, lakh and crore, and digits of two scripts."""

    code = "hi"
    decimal = "."
    number = r"(?:\d{1,3}(?:,\d{2,3})+|\d+)(?:\.\d+)?"
    fraction_by_digit = True
    signs = Signs(
        point="दशमलव",
        minus="माइनस",
        plus="प्लस",
        times="गुणा",
        by="बाय",
        divided="भाग",
        equals="बराबर",
        percent="प्रतिशत",
        to="से",
        and_="और",
        at="ऐट",
        dot="डॉट",
        slash="स्लैश",
        hyphen="हाइफ़न",
        underscore="अंडरस्कोर",
        number="नंबर",
        about="लगभग",
    )
    currencies = _CURRENCIES
    magnitudes = nouns(
        "हज़ार | हज़ार | हजार = हज़ार; लाख = लाख; करोड़ | करोड़ = करोड़; अरब = अरब; मिलियन = मिलियन; बिलियन = बिलियन",
        plural="",
    )
    units = nouns(
        """
    km | किमी | कि.मी. | कि.मी = किलोमीटर; m | मी | मी. = मीटर; cm | सेमी | से.मी. = सेंटीमीटर; mm | मिमी = मिलीमीटर;
    kg | किग्रा | कि.ग्रा. = किलोग्राम; g | ग्रा. = ग्राम; mg | मिग्रा = मिलीग्राम; l | L | ली. = लीटर; ml | मि.ली. = मिलीलीटर;
    km² = वर्ग किलोमीटर; m² | m2 = वर्ग मीटर; m³ = घन मीटर; km/h | किमी/घंटा | किमी/घं = किलोमीटर प्रति घंटा;
    h = घंटा, घंटे; min | मि. = मिनट; s = सेकंड; GB = गीगाबाइट; MB = मेगाबाइट; TB = टेराबाइट; W = वॉट; kW = किलोवॉट;
    V = वोल्ट; Hz = हर्ट्ज़; ft = फ़ुट; ° = डिग्री; °C | ° C | °से = डिग्री सेल्सियस; °F = डिग्री फ़ारेनहाइट
    """,
        plural="",
    )
    per = pairs(
        "h | घंटा = प्रति घंटा; दिन = प्रति दिन; माह = प्रति माह; महीना = प्रति महीना; साल = प्रति साल; व्यक्ति = प्रति व्यक्ति;"
        " kg | किलो | किग्रा = प्रति किलो; km | किमी = प्रति किलोमीटर; लीटर = प्रति लीटर; दर्जन = प्रति दर्जन"
    )
    months = _MONTHS.split()
    month_names = MappingProxyType({})  # none needed: days and years beside a month are plain numbers
    digits = DIGITS
    first_of_month = "एक"
    half = "आधा"
    abbreviations = pairs("""
    डॉ. | डा. | Dr. = डॉक्टर; प्रो. = प्रोफ़ेसर; कु. = कुमारी; श्रीम. = श्रीमती; नं. = नंबर; सं. = संख्या; पृ. = पृष्ठ; उदा. = उदाहरण;
    ई.पू. | ई. पू. = ईसा पूर्व; ई. = ईसवी; वि.सं. = विक्रम संवत; कि.मी. = किलोमीटर; vs. | vs = बनाम; Mr. = मिस्टर; Mrs. = मिसेज़
    """)

    def rules(self) -> Sequence[Rule]:
        ends = rf"(?![\w{VOWEL_SIGNS}])"
        masculine, feminine = "वाँ|वां|वा|ला|रा|था|ठा", "वीं|वी|ली|री|थी|ठी"

        def ordinal(match: re.Match[str]) -> str:
            form = "f" if match["f"] else "m" if match["m"] else "oblique"
            return self.ordinal(int(match["n"]), form)

        written = rf"(?P<n>\d{{1,4}})(?:(?P<m>{masculine})|(?P<f>{feminine})|वें|वे|ले|रे|थे|ठे){ends}"
        return [
            Rule(re.compile(rf"(?<![\w.,]){written}"), ordinal),
            time_rule(self, rf"(?: ?बजे{ends})?"),
            Rule(
                re.compile(rf"(?<=[{VOWEL_SIGNS}])/(?P<unit>{alternatives(self.per)}){ends}"),
                lambda m: self.per[m["unit"]],
            ),
            abbreviation_rule(self.abbreviations),
        ]

    def clock(self, hours: int, minutes: int, before: str) -> str:
        if minutes == 0:
            return f"{cardinal(hours)} बजे"
        if quarters := _quarters(hours, minutes, after=hours % 12 + 1) if 1 <= hours <= 12 else "":
            return f"{quarters} बजे"
        return f"{cardinal(hours)} बजकर {cardinal(minutes)} मिनट"

    def fraction(self, numerator: int, denominator: int) -> str | None:
        if denominator == 2:
            return self.half if numerator == 1 else None
        part = {3: "तिहाई", 4: "चौथाई"}.get(denominator)
        if part:
            return f"{cardinal(numerator)} {part}"
        return f"{cardinal(numerator)} बटा {cardinal(denominator)}" if 4 < denominator <= 10 else None

    def mixed(self, whole: int, fraction: str) -> str:
        minutes = {self.half: 30, "एक चौथाई": 15, "तीन चौथाई": 45}.get(fraction)
        return _quarters(whole, minutes, after=whole + 1) if minutes else f"{cardinal(whole)} सही {fraction}"

    def cardinal(self, number: int, gender: str = "") -> str:
        return cardinal(number)

    def ordinal(self, number: int, gender: str = "m") -> str:
        """gender: m, f or oblique."""
        stem = _IRREGULAR.get(number)
        return stem + _ENDINGS[gender] if stem else cardinal(number) + _REGULAR_ENDINGS[gender]

    def year(self, number: int) -> str:
        hundreds, rest = divmod(number, 100)
        if not 11 <= hundreds <= 19:
            return cardinal(number)
        return f"{cardinal(hundreds)} सौ {cardinal(rest)}" if rest else f"{cardinal(hundreds)} सौ"

    def split(self, written: str) -> tuple[str, str]:
        return super().split(written.translate(_LATIN_DIGITS))


def _quarters(whole: int, minutes: int, *, after: int) -> str:
    """A whole number with a quarter, a half or three quarters: "डेढ़", "सवा तीन".

    minutes: the fraction in sixtieths, also if the number doesn't count hours: 15, 30 or 45; any other value gives an
    empty text. after: the next number.
    """
    match minutes:
        case 15:
            return "सवा" if whole == 1 else f"सवा {cardinal(whole)}"
        case 30:
            return {1: "डेढ़", 2: "ढाई"}.get(whole, f"साढ़े {cardinal(whole)}")
        case 45:
            return f"पौने {cardinal(after)}"
    return ""
