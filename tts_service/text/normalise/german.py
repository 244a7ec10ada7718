"""German."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_service.text.normalise.abbreviations import QUEENS, abbreviation_rule, roman_rule
from tts_service.text.normalise.amounts import alternatives
from tts_service.text.normalise.calendar import time_rule
from tts_service.text.normalise.language import Language, Noun, Signs, currencies, nouns, numbered, pairs, parts_named
from tts_service.text.normalise.rules import NEXT_WORD, Rule
from tts_service.text.stops import abbreviations_of

_MONEY = """
€ | EUR = Euro, Euro; $ | USD | US$ = Dollar, Dollar; £ | GBP = Pfund, Pfund n; ¥ = Yen, Yen; CHF = Franken, Franken
"""
_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_SHORT_MONTHS = "Jan. Feb. März Apr. Mai Jun. Jul. Aug. Sept. Okt. Nov. Dez."
_DIGITS = "null eins zwei drei vier fünf sechs sieben acht neun"
_LABELS = "Kapitel|Teil|Band|Akt|Szene|Weltkrieg|Stufe|Typ|Klasse|Phase|Nr|Artikel|Abschnitt|Anhang|Episode"
_DATIVE = re.compile(r"\b(?:in|mit|von|aus|nach|seit|zu|bei|während|wegen|auf|an) (?:der|die)$", re.IGNORECASE)
_STRONG = re.compile(r"(?:^|\s)(?:ein|mein|dein|sein|ihr|unser)$", re.IGNORECASE)


class German(Language):
    """German: ordinal numbers are written with a dot and agree with the article before them."""

    code = "de"
    fraction_by_digit = True
    cents_after = " "
    signs = Signs(
        point="Komma",
        minus="minus",
        plus="plus",
        times="mal",
        by="mal",
        divided="geteilt durch",
        equals="gleich",
        percent="Prozent",
        to="bis",
        and_="und",
        at="ät",
        dot="Punkt",
        slash="Schrägstrich",
        hyphen="Bindestrich",
        underscore="Unterstrich",
        number="Nummer",
        about="circa",
    )
    currencies = currencies(_MONEY, Noun("Cent", "Cent"))
    magnitudes = nouns(
        "Tsd. = Tausend, Tausend n; Million | Millionen | Mio. | Mio = Million, Millionen f; "
        "Milliarde | Milliarden | Mrd. | Mrd = Milliarde, Milliarden f; Billion | Billionen = Billion, Billionen f"
    )
    units = nouns(
        """
        km = Kilometer; m = Meter; cm = Zentimeter; mm = Millimeter; kg = Kilogramm n; g = Gramm n; mg = Milligramm n;
        l | L = Liter; ml = Milliliter; t = Tonne, Tonnen f; km² = Quadratkilometer; m² | qm | m2 = Quadratmeter;
        m³ = Kubikmeter; km/h = Kilometer pro Stunde, Kilometer pro Stunde; m/s = Meter pro Sekunde, Meter pro Sekunde;
        h | Std. = Stunde, Stunden f; min | Min. = Minute, Minuten f; s | Sek. = Sekunde, Sekunden f;
        GB = Gigabyte n; MB = Megabyte n; TB = Terabyte n; W = Watt n;
        kW = Kilowatt n; kWh = Kilowattstunde, Kilowattstunden f;
        V = Volt n; Hz = Hertz n; MHz = Megahertz n; GHz = Gigahertz n; kcal = Kilokalorie, Kilokalorien f; ° = Grad n;
        °C | ° C = Grad Celsius, Grad Celsius n; °F = Grad Fahrenheit, Grad Fahrenheit n
        """,
        plural="",
    )
    per = pairs(
        "h | Std. | Stunde = pro Stunde; Tag = pro Tag; Nacht = pro Nacht; Woche = pro Woche; Monat = pro Monat;"
        " Jahr = pro Jahr; Person = pro Person; kg = pro Kilo; km = pro Kilometer; l = pro Liter; m² = pro Quadratmeter"
    )
    months = _MONTHS.split()
    month_names = numbered(_SHORT_MONTHS) | numbered(_MONTHS)
    digits = _DIGITS.split()
    parts = parts_named("Drittel Viertel Fünftel Sechstel Siebtel Achtel Neuntel Zehntel", plural="")
    half = "ein halb"
    abbreviations = pairs("""
    z. B. | z.B. = zum Beispiel; d. h. | d.h. = das heißt; u. a. | u.a. = unter anderem; usw. = und so weiter;
    bzw. = beziehungsweise; ca. = circa; evtl. = eventuell; ggf. = gegebenenfalls; inkl. = inklusive;
    vgl. = vergleiche; sog. = sogenannte; etc. = et cetera; Dr = Doktor; Dr. = Doktor; Prof = Professor;
    Prof. = Professor; Hr. = Herr; Fr. = Frau; St = Sankt; Tel. = Telefon; geb. = geboren; max. = maximal;
    mind. = mindestens; Nr. = Nummer; Str. = Straße; v. Chr. = vor Christus; n. Chr. = nach Christus; Jan. = Januar;
    Feb. = Februar; Apr. = April; Aug. = August; Sept. = September; Okt. = Oktober; Nov. = November; Dez. = Dezember;
    Abb. = Abbildung; Kap. = Kapitel; Bd. = Band
""")

    def rules(self) -> Sequence[Rule]:
        return [
            *self._ordinal_rules(),
            time_rule(self, r"(?: Uhr)?"),
            Rule(re.compile(r"(?<![\w.,:])(?P<hours>[01]?\d|2[0-4])\.(?P<minutes>[0-5]\d) Uhr"), self._clock),
            Rule(re.compile(r"(?<![\w.,:])1(?= Uhr)"), lambda _: "ein"),
            Rule(re.compile(r"(?<![\w.,])(?P<n>[12]\d\d0|[1-9]0)er(?!\w)"), self._decade),
            Rule(re.compile(r"(?P<name>\w+str)\.(?= \d)"), lambda match: f"{match['name']}aße"),
            Rule(re.compile(r"(?<!\w)S\. ?(?=\d)"), lambda _: "Seite "),
            roman_rule(_LABELS, lambda _, value: self.cardinal(value), self._regnal, ending=r"\.?"),
            abbreviation_rule(self.abbreviations),
        ]

    def late_rules(self) -> Sequence[Rule]:
        return [
            Rule(re.compile(r"(?<![\w.,:])(?<![A-ZÄÖÜ]\w )1(?= [A-ZÄÖÜ]\w+(?P<end>\w))"), self._one),
        ]

    def clock(self, hours: int, minutes: int, before: str) -> str:
        spoken = f"{self.cardinal(hours, 'n')} Uhr"
        return f"{spoken} {self.cardinal(minutes)}" if minutes else spoken

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        spoken = f"{self._inflected(day, before, alone='er')} {self.months[month - 1]}"
        return f"{spoken} {self.year(year)}" if year else spoken

    def mixed(self, whole: int, fraction: str) -> str:
        number = self.cardinal(whole, "n")
        return f"{number}einhalb" if fraction == self.half else f"{number} {fraction}"

    def agree(self, words: str, gender: str) -> str:
        return re.sub("eins$", "eine" if gender == "f" else "ein", words)

    def half_of(self, noun: Noun) -> str:
        return {"m": "ein halber ", "n": "ein halbes ", "f": "eine halbe "}[noun.gender] + noun.one

    def _clock(self, match: re.Match[str]) -> str:
        return self.clock(int(match["hours"]), int(match["minutes"]), "")

    def _one(self, match: re.Match[str]) -> str:
        """ "One" before a noun. Nouns that end in "e" are mostly feminine."""
        return "eine" if match["end"] == "e" else "ein"

    def _decade(self, match: re.Match[str]) -> str:
        number = int(match["n"])
        return f"{self.year(number) if number > 99 else self.cardinal(number)}er"

    def _regnal(self, name: str, value: int) -> str:
        return f"{'die' if name in QUEENS else 'der'} {self.ordinal(value).capitalize()}"

    def _inflected(self, number: int, before: str, alone: str) -> str:
        """The ordinal, inflected to fit the text before it."""
        earlier = before.rstrip()
        last = earlier.split()[-1].lower() if earlier else ""
        if last in ("der", "die", "das", "jede", "eine", "meine", "seine") and not _DATIVE.search(earlier):
            ending = "e"
        elif _STRONG.search(earlier) or last not in abbreviations_of("de").ordinal_after:
            ending = alone
        else:
            ending = "en"
        return re.sub("e$", ending, self.ordinal(number))

    def _ordinal_rules(self) -> list[Rule]:
        names = alternatives(self.month_names)

        def day_month(match: re.Match[str]) -> str:
            month = self.months[self.month_names[match["month"]] - 1]
            return f"{self._inflected(int(match['day']), match.string[: match.start()], alone='er')}{NEXT_WORD}{month}"

        def numeric(match: re.Match[str]) -> str | None:
            day, month = int(match["day"]), int(match["month"])
            return self.date(day, month, None, match.string[: match.start()]) if day <= 31 and month <= 12 else None

        def ordinal(match: re.Match[str]) -> str | None:
            before = match.string[: match.start()]
            words = before.split()
            if not words or words[-1].lower() not in abbreviations_of("de").ordinal_after:
                return None
            return self._inflected(int(match["n"]), before, alone="er")

        return [
            Rule(re.compile(rf"(?<![\w.,])(?P<day>[1-9]|[12]\d|3[01])\. (?P<month>{names})(?!\w)"), day_month),
            Rule(re.compile(r"(?<![\w.,])(?P<day>[0-3]?[1-9]|[123]0)\.(?P<month>0?[1-9]|1[0-2])\.(?![\w])"), numeric),
            Rule(re.compile(r"(?<![\w.,])(?P<n>\d{1,3})\.(?= \w)"), ordinal),
        ]
