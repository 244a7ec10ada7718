"""French."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_service.text.normalise.abbreviations import roman_value
from tts_service.text.normalise.language import Noun, Signs, currencies, nouns, numbered, pairs, parts_named
from tts_service.text.normalise.romance import Romance
from tts_service.text.normalise.rules import Rule

_MONEY = """
    € | EUR = euro; $ | US$ | USD = dollar; £ | GBP = livre f; ¥ = yen; CHF = franc suisse, francs suisses
"""
_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
_DIGITS = "zéro un deux trois quatre cinq six sept huit neuf"
_PARTS = "tiers,tiers quart cinquième sixième septième huitième neuvième dixième"


class French(Romance):
    """French."""

    code = "fr"
    phone_pairs = True
    one_below_two = True
    cents_after = " "
    signs = Signs(
        point="virgule",
        minus="moins",
        plus="plus",
        times="fois",
        by="par",
        divided="divisé par",
        equals="égale",
        percent="pour cent",
        to="à",
        and_="et",
        at="arobase",
        dot="point",
        slash="barre",
        hyphen="tiret",
        underscore="tiret bas",
        number="numéro",
        about="environ",
    )
    currencies = currencies(_MONEY, Noun("centime", "centimes"))
    magnitudes = nouns("mille = mille, mille; million | millions | M = million; milliard | milliards | Md = milliard")
    of = " de "
    units = nouns("""
    km = kilomètre; m = mètre; cm = centimètre; mm = millimètre; kg = kilo; g = gramme; mg = milligramme;
    l | L = litre; ml = millilitre; t = tonne f; km² = kilomètre carré, kilomètres carrés; m² | m2 = mètre carré,
    mètres carrés; m³ = mètre cube, mètres cubes; km/h = kilomètre heure, kilomètres heure; m/s = mètre par seconde,
    mètres par seconde; h = heure f; min | mn = minute f; s = seconde f; Go = gigaoctet; Mo = mégaoctet;
    To = téraoctet; W = watt; kW = kilowatt; kWh = kilowattheure; V = volt; Hz = hertz, hertz; kcal = kilocalorie f;
    ° = degré; °C | ° C = degré Celsius, degrés Celsius; °F = degré Fahrenheit, degrés Fahrenheit
""")
    per = pairs("""
    h | heure = par heure; jour = par jour; nuit = par nuit; semaine = par semaine; mois = par mois; an = par an;
    personne = par personne; kg = le kilo; km = par kilomètre; m² = le mètre carré
""")
    months = _MONTHS.split()
    month_names = numbered(_MONTHS)
    digits = _DIGITS.split()
    first_of_month = "premier"
    parts = parts_named(_PARTS)
    half = "un demi"
    half_after = "demi"
    abbreviations = pairs("""
    M. = Monsieur; MM. = Messieurs; Mme | Mme. = Madame; Mmes = Mesdames; Mlle | Mlle. = Mademoiselle;
    Dr | Dr. = Docteur; Pr = Professeur; St = Saint; Ste = Sainte; p. ex. | p.ex. = par exemple;
    c.-à-d. | c.à.d. = c'est-à-dire; etc. = et cetera; env. = environ; chap. = chapitre; vol. = volume;
    fig. = figure; pp. = pages; av. J.-C. = avant Jésus-Christ; apr. J.-C. = après Jésus-Christ; janv. = janvier;
    févr. = février; avr. = avril; juil. = juillet; sept. = septembre; oct. = octobre; nov. = novembre;
    déc. = décembre; vs. | vs = contre; max. = maximum; tél. = téléphone; bd = boulevard; cf. = voir
""")
    labels = "[Cc]hapitre|[Tt]ome|[Vv]olume|[Aa]cte|[Ss]cène|[Pp]artie|[Pp]hase|[Nn]iveau|[Tt]ype|[Ll]ivre|[Gg]uerre"
    centuries = "siècles?"
    last_ordinal = 1
    hours_written = "h|heures?"
    ordinal_mark = "ers?|(?P<f>re|ère)s?|es?|èmes?|nds?|(?:nde)s?"
    numbered = "n[º°]|no\\.|nº"
    feminine = (
        r"(?:heures?|minutes?|secondes?|personnes?|femmes?|filles?|fois|années?|semaines?|pommes?|voitures?|maisons?|"
        r"tables?|tasses?|bouteilles?|pages?|langues?|chambres?|livres sterling|\w+(?:tions?|ettes?|ées?|ières?))"
    )
    no_noun = "de|du|des|ou|et|en|à|au|aux|par|pour|avec|que|le|la|les|est|sont|plus|moins"

    def own_rules(self) -> Sequence[Rule]:
        """Rules of French alone."""

        def century(match: re.Match[str]) -> str:
            return self.ordinal(roman_value(match["roman"]), "f" if match["f"] else "m")

        roman = r"(?<!\w)(?P<roman>(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
        return [
            Rule(re.compile(rf"{roman}(?:ers?|(?P<f>re|ère)s?|es?|èmes?)(?!\w)"), century),
            Rule(re.compile(r"(?<![\w.,:/])(?P<hours>[01]?\d|2[0-4])h(?!\w)"), self._full_hour),
            Rule(re.compile(r"(?<!\w)p\.(?= ?\d)"), lambda _: "page"),
        ]

    def agree(self, words: str, gender: str) -> str:
        return re.sub(r"(?<!\w)un$", "une", words) if gender == "f" else words

    def ordinal(self, number: int, gender: str = "m") -> str:
        if number == 1:
            return "première" if gender == "f" else "premier"
        return super().ordinal(number)

    def clock(self, hours: int, minutes: int, before: str) -> str:
        spoken = self.full_hour(hours)
        return f"{spoken} {self.cardinal(minutes)}" if minutes else spoken

    def full_hour(self, hours: int) -> str:
        """A full hour: "quinze heures"."""
        return f"{self.cardinal(hours, 'f')} {'heure' if hours < 2 else 'heures'}"

    def of_what(self, name: str) -> str:
        return " d'" if name[0] in "aehiou" else " de "

    def half_of(self, noun: Noun) -> str:
        return f"{'une' if noun.gender == 'f' else 'un'} demi-{noun.one}"
