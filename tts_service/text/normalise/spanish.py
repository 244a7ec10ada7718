"""Spanish."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_service.text.normalise.language import Noun, Signs, currencies, nouns, numbered, pairs, parts_named
from tts_service.text.normalise.romance import Romance
from tts_service.text.normalise.rules import Rule

_MONEY = """
    € | EUR = euro; $ | US$ | USD = dólar, dólares; £ | GBP = libra f; ¥ = yen, yenes; MXN = peso;
    CHF = franco suizo, francos suizos
"""
_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
_PARTS = "tercio cuarto quinto sexto séptimo octavo noveno décimo"
_DIGITS = "cero uno dos tres cuatro cinco seis siete ocho nueve"


class Spanish(Romance):
    """Spanish."""

    code = "es"
    cents_after = " con "
    signs = Signs(
        point="coma",
        minus="menos",
        plus="más",
        times="por",
        by="por",
        divided="entre",
        equals="igual a",
        percent="por ciento",
        to="a",
        and_="y",
        at="arroba",
        dot="punto",
        slash="barra",
        hyphen="guion",
        underscore="guion bajo",
        number="número",
        about="unos",
    )
    currencies = currencies(_MONEY, Noun("céntimo", "céntimos"))
    magnitudes = nouns("mil = mil, mil; millón | millones | M = millón, millones; billón | billones = billón, billones")
    of = " de "
    units = nouns("""
    km = kilómetro; m = metro; cm = centímetro; mm = milímetro; kg = kilo; g = gramo; mg = miligramo; l | L = litro;
    ml = mililitro; t = tonelada f; km² = kilómetro cuadrado, kilómetros cuadrados; m² | m2 = metro cuadrado, metros
    cuadrados; m³ = metro cúbico, metros cúbicos; km/h = kilómetro por hora, kilómetros por hora; m/s = metro por
    segundo, metros por segundo; h = hora f; min = minuto; s | seg = segundo; GB = gigabyte; MB = megabyte;
    TB = terabyte; W = vatio; kW = kilovatio; V = voltio; Hz = hercio; kcal = kilocaloría f; ° = grado; °C | °
    C | ºC = grado Celsius, grados Celsius; °F = grado Fahrenheit, grados Fahrenheit
""")
    per = pairs(
        "h | hora = por hora; día = por día; noche = por noche; semana = por semana; mes = por mes; año = por año;"
        " persona = por persona; kg = por kilo; km = por kilómetro; m² = por metro cuadrado"
    )
    months = _MONTHS.split()
    month_names = numbered(_MONTHS, before="de ")
    digits = _DIGITS.split()
    first_of_month = "uno"
    day_and_month = " de "
    parts = parts_named(_PARTS)
    half = "un medio"
    half_after = "medio"
    abbreviations = pairs("""
    Sr. | Sr = señor; Sra. | Sra = señora; Srta. = señorita; Dr. | Dr = doctor; Dra. = doctora; D. = don;
    Dña. = doña; Ud. = usted; Uds. = ustedes; p. ej. | p.ej. = por ejemplo; etc. = etcétera; EE.
    UU. | EE.UU. = Estados Unidos; pág. = página; págs. = páginas; cap. = capítulo; vol. = volumen; fig. = figura;
    art. = artículo; aprox. = aproximadamente; máx. = máximo; mín. = mínimo; avda. = avenida; av. = avenida;
    Prof. | Prof = profesor; a. C. | a.C. = antes de Cristo; d. C. | d.C. = después de Cristo; a. m. | a.m. = de la
    mañana; p. m. | p.m. = de la tarde; tel. = teléfono; vs. = contra
""")
    labels = (
        "[Cc]apítulo|[Tt]omo|[Vv]olumen|[Aa]cto|[Ee]scena|Mundial|[Pp]arte|[Ff]ase|[Nn]ivel|[Tt]ipo|[Ll]ibro|Olimpiada"
    )
    centuries = "[Ss]iglos?"
    last_ordinal = 10
    hours_written = "h|hs|hrs|horas"
    ordinal_mark = r"\.?(?:º|(?P<f>ª))"
    numbered = r"n\.?[º°]|núm\.|nro\."

    def own_rules(self) -> Sequence[Rule]:
        """Rules of Spanish alone."""

        def first(match: re.Match[str]) -> str:
            return re.sub("o$", "", self.ordinal(int(match["n"])))

        return [
            Rule(re.compile(r"(?<![\w.,])(?P<n>[13])\.?er(?!\w)"), first),
        ]

    feminine = r"(?!días?\b|problemas?\b|programas?\b|idiomas?\b|temas?\b|mapas?\b)\w+(?:as?|ción|ciones|dad|dades)"
    no_noun = "de|del|o|u|y|e|en|a|al|por|para|con|que|el|la|los|las|es|son|más|menos"

    def agree(self, words: str, gender: str) -> str:
        if gender == "f":
            return re.sub("uno$", "una", re.sub("cientos|quinientos", lambda m: m[0][:-2] + "as", words))
        return re.sub("veintiuno$", "veintiún", words) if words.endswith("veintiuno") else re.sub("uno$", "un", words)

    def clock(self, hours: int, minutes: int, before: str) -> str:
        spoken = self.cardinal(hours, "f")
        return f"{spoken} {self.cardinal(minutes)}" if minutes else spoken

    def full_hour(self, hours: int) -> str:
        """A full hour: "quince horas"."""
        return f"{self.cardinal(hours, 'f')} horas"

    def half_of(self, noun: Noun) -> str:
        return f"{'media' if noun.gender == 'f' else 'medio'} {noun.one}"
