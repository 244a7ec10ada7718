"""Italian."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_service.text.normalise.language import Noun, Signs, currencies, nouns, numbered, pairs, parts_named
from tts_service.text.normalise.romance import Romance
from tts_service.text.normalise.rules import Rule

_MONEY = """
    € | EUR = euro, euro; $ | US$ | USD = dollaro, dollari; £ | GBP = sterlina, sterline f; ¥ = yen, yen;
    CHF = franco svizzero, franchi svizzeri
"""
_MONTHS = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
_PARTS = "terzo,terzi quarto,quarti quinto,quinti sesto,sesti settimo,settimi ottavo,ottavi nono,noni decimo,decimi"
_DIGITS = "zero uno due tre quattro cinque sei sette otto nove"


class Italian(Romance):
    """Italian."""

    code = "it"
    cents_after = " e "
    signs = Signs(
        point="virgola",
        minus="meno",
        plus="più",
        times="per",
        by="per",
        divided="diviso",
        equals="uguale a",
        percent="per cento",
        to="a",
        and_="e",
        at="chiocciola",
        dot="punto",
        slash="barra",
        hyphen="trattino",
        underscore="trattino basso",
        number="numero",
        about="circa",
    )
    currencies = currencies(_MONEY, Noun("centesimo", "centesimi"))
    magnitudes = nouns(
        "mila = mila, mila; milione | milioni | mln = milione, milioni; miliardo | miliardi | mld = miliardo, miliardi"
    )
    of = " di "
    units = nouns("""
    km = chilometro, chilometri; m = metro, metri; cm = centimetro, centimetri; mm = millimetro, millimetri;
    kg = chilo, chili; g = grammo, grammi; mg = milligrammo, milligrammi; l | L = litro, litri; ml = millilitro,
    millilitri; t = tonnellata, tonnellate f; km² = chilometro quadrato, chilometri quadrati; m² | m2 | mq = metro
    quadrato, metri quadrati; m³ = metro cubo, metri cubi; km/h = chilometro all'ora, chilometri all'ora; m/s = metro
    al secondo, metri al secondo; h = ora, ore f; min = minuto, minuti; s | sec = secondo, secondi; GB = gigabyte,
    gigabyte; MB = megabyte, megabyte; TB = terabyte, terabyte; W = watt, watt; kW = chilowatt, chilowatt;
    kWh = chilowattora, chilowattora; V = volt, volt; Hz = hertz, hertz; kcal = chilocaloria, chilocalorie f;
    ° = grado, gradi; °C | ° C = grado Celsius, gradi Celsius; °F = grado Fahrenheit, gradi Fahrenheit
""")
    per = pairs("""
    h | ora = all'ora; giorno = al giorno; notte = a notte; settimana = alla settimana; mese = al mese;
    anno = all'anno; persona = a persona; kg = al chilo; km = al chilometro; m² = al metro quadrato
""")
    months = _MONTHS.split()
    month_names = numbered(_MONTHS)
    digits = _DIGITS.split()
    first_of_month = "primo"
    parts = parts_named(_PARTS)
    half = "un mezzo"
    half_after = "mezzo"
    abbreviations = pairs("""
    Sig. = signor; Sig.ra = signora; Sig.na = signorina; Sigg. = signori; Dott. | Dr. | Dr = dottor;
    Dott.ssa = dottoressa; Prof. | Prof = professor; Prof.ssa = professoressa; Avv. = avvocato; Ing. = ingegner;
    S. = San; p. es. | p.es. = per esempio; es. = esempio; ecc. = eccetera; etc. = eccetera; ca. = circa;
    pag. = pagina; pagg. = pagine; cap. = capitolo; vol. = volume; fig. = figura; art. = articolo; tel. = telefono;
    max. = massimo; a.C. | a. C. = avanti Cristo; d.C. | d. C. = dopo Cristo; vs. | vs = contro; sig. = signor;
    sig.ra = signora; dott. = dottor; dott.ssa = dottoressa
""")
    labels = "[Cc]apitolo|[Tt]omo|[Vv]olume|[Aa]tto|[Ss]cena|[Pp]arte|[Ff]ase|[Ll]ivello|[Tt]ipo|[Ll]ibro|[Mm]ondiale"
    centuries = "[Ss]ecol[oi]"
    last_ordinal = 100
    hours_written = "h|ore"
    ordinal_mark = r"\.?(?:º|°(?! ?C)|(?P<f>ª))"
    numbered = r"n[º°]|n\.|nr\.|num\."
    feminine = r"(?:ore|mani|notti|parti|volte|persone|città|\w+(?:a|zione|zioni|tà))(?<!problema)(?<!programma)"
    no_noun = "di|del|o|e|ed|in|a|al|per|da|con|che|il|lo|la|i|gli|le|è|sono|più|meno"

    def own_rules(self) -> Sequence[Rule]:
        """Rules of Italian alone."""
        return [Rule(re.compile(r"(?<!\w)p\.(?= ?\d)"), lambda _: "pagina")]

    def agree(self, words: str, gender: str) -> str:
        if words == "uno":
            return "una" if gender == "f" else "un"
        return words

    def clock(self, hours: int, minutes: int, before: str) -> str:
        spoken = self.cardinal(hours) if hours != 1 else "una"
        return f"{spoken} e {self.cardinal(minutes)}" if minutes else spoken

    def full_hour(self, hours: int) -> str:
        """A full hour: "le quindici"."""
        return self.clock(hours, 0, "")

    def half_of(self, noun: Noun) -> str:
        return f"{'mezza' if noun.gender == 'f' else 'mezzo'} {noun.one}"
