"""Portuguese."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_service.text.normalise.language import Noun, Signs, currencies, nouns, numbered, pairs, parts_named
from tts_service.text.normalise.romance import Romance
from tts_service.text.normalise.rules import Rule

_MONEY = """
    R$ | BRL = real, reais; € | EUR = euro; $ | US$ | USD = dólar, dólares; £ | GBP = libra f; ¥ = iene;
    CHF = franco suíço, francos suíços
"""
_MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
_DIGITS = "zero um dois três quatro cinco seis sete oito nove"


class Portuguese(Romance):
    """Portuguese, of Brazil and Portugal."""

    code = "pt"
    cents_after = " e "
    one_below_two = True
    signs = Signs(
        point="vírgula",
        minus="menos",
        plus="mais",
        times="vezes",
        by="por",
        divided="dividido por",
        equals="igual a",
        percent="por cento",
        to="a",
        and_="e",
        at="arroba",
        dot="ponto",
        slash="barra",
        hyphen="hífen",
        underscore="sublinhado",
        number="número",
        about="cerca de",
    )
    currencies = currencies(_MONEY, Noun("centavo", "centavos"))
    magnitudes = nouns(
        "mil = mil, mil; milhão | milhões | mi = milhão, milhões; bilhão | bilhões | bi = bilhão, bilhões;"
        "mil milhões = mil milhões, mil milhões"
    )
    of = " de "
    units = nouns("""
    km = quilômetro; m = metro; cm = centímetro; mm = milímetro; kg = quilo; g = grama; mg = miligrama;
    l | L = litro; ml = mililitro; t = tonelada f; km² = quilômetro quadrado, quilômetros quadrados; m² | m2 = metro
    quadrado, metros quadrados; m³ = metro cúbico, metros cúbicos; km/h = quilômetro por hora, quilômetros por hora;
    m/s = metro por segundo, metros por segundo; h = hora f; min = minuto; s | seg = segundo; GB = gigabyte;
    MB = megabyte; TB = terabyte; W = watt; kW = quilowatt; V = volt; Hz = hertz, hertz; kcal = quilocaloria f;
    ° = grau; °C | ° C | ºC = grau Celsius, graus Celsius; °F = grau Fahrenheit, graus Fahrenheit
""")
    per = pairs("""
    h | hora = por hora; dia = por dia; noite = por noite; semana = por semana; mês = por mês; ano = por ano;
    pessoa = por pessoa; kg = por quilo; km = por quilômetro; m² = por metro quadrado
""")
    months = _MONTHS.split()
    month_names = numbered(_MONTHS, before="de ")
    digits = _DIGITS.split()
    first_of_month = "primeiro"
    day_and_month = " de "
    parts = parts_named("terço quarto quinto sexto sétimo oitavo nono décimo")
    half = "meio"
    half_after = "meio"
    abbreviations = pairs("""
    Sr. | Sr = senhor; Sra. | Sra = senhora; Dr. | Dr = doutor; Dra. = doutora; D. = dom; Prof. | Prof = professor;
    Profa. = professora; p. ex. | p.ex. = por exemplo; etc. = et cetera; pág. = página; págs. = páginas;
    cap. = capítulo; vol. = volume; fig. = figura; art. = artigo; aprox. = aproximadamente; máx. = máximo;
    av. = avenida; tel. = telefone; a.C. | a. C. = antes de Cristo; d.C. | d. C. = depois de Cristo;
    vs. | vs = contra; Ltda. = limitada
""")
    labels = "[Cc]apítulo|[Tt]omo|[Vv]olume|[Aa]to|[Cc]ena|[Pp]arte|[Ff]ase|[Nn]ível|[Tt]ipo|[Ll]ivro|Mundial"
    centuries = "[Ss]éculos?"
    last_ordinal = 10
    hours_written = "h|horas"
    ordinal_mark = r"\.?(?:º|°(?! ?C)|(?P<f>ª))"
    numbered = r"n\.?[º°]|núm\."
    feminine = r"(?!dias?\b|problemas?\b|programas?\b|idiomas?\b|temas?\b|mapas?\b)\w+(?:as?|ção|ções|dades?|gens?)"
    no_noun = "de|do|da|ou|e|em|a|ao|por|para|com|que|o|os|as|é|são|mais|menos"

    def own_rules(self) -> Sequence[Rule]:
        """Rules of Portuguese alone."""
        return [
            Rule(re.compile(r"(?<![\w.,:/])(?P<hours>[01]?\d|2[0-4])h(?!\w)"), self._full_hour),
            Rule(re.compile(r"(?<!\w)p\.(?= ?\d)"), lambda _: "página"),
        ]

    def agree(self, words: str, gender: str) -> str:
        if gender != "f":
            return words
        return re.sub("dois$", "duas", re.sub(r"(?<!\w)um$", "uma", re.sub("entos", "entas", words)))

    def clock(self, hours: int, minutes: int, before: str) -> str:
        return f"{self.cardinal(hours, 'f')} e {self.cardinal(minutes)}" if minutes else self.full_hour(hours)

    def full_hour(self, hours: int) -> str:
        """A full hour: "quinze horas"."""
        return f"{self.cardinal(hours, 'f')} {'hora' if hours < 2 else 'horas'}"

    def half_of(self, noun: Noun) -> str:
        return f"{'meia' if noun.gender == 'f' else 'meio'} {noun.one}"
