"""Decides whether a full stop ends a sentence or is part of an abbreviation, an initial or a number. Pure.

The word before the stop decides. If it can't, the letter or the word after the stop does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from common.languages import base


class Stop(Enum):
    """What a run of stops after a word is, as far as the text before it shows."""

    SENTENCE = "the end of a sentence"
    ELLIPSIS = "an ellipsis"
    WITHIN = "never the end"
    BEFORE_NUMBER = "the end if a capital follows, not a number"
    LETTER_TELLS = "the end if a capital follows"
    TIME = "the end if a capital follows, unless it begins a day, a month or a time zone"
    WORD_TELLS = "the end if a word follows that begins sentences"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Abbreviations:
    """The abbreviations of one language, in lower case, without their last dot. starters: words that begin a sentence
    and are not part of a name."""

    never_last: frozenset[str]
    sometimes_last: frozenset[str]
    before_numbers: frozenset[str]
    starters: frozenset[str]
    ordinal_after: frozenset[str] = field(default_factory=frozenset)  # words before an ordinal: "am 5. Mai"


# Before a name.
TITLES = _set("mr mrs ms mx dr prof rev fr st mt gen col capt lt sgt maj cmdr adm hon gov sen rep pres supt")

_ENGLISH = Abbreviations(
    never_last=TITLES | _set("e.g i.e vs cf viz approx incl esp dept est ca eg ie a.k.a w/o"),
    sometimes_last=_set("etc inc ltd co corp jr sr bros al ave blvd rd"),
    before_numbers=_set("no nos p pp vol fig ch art sec ver jan feb mar apr jun jul aug sep sept oct nov dec"),
    starters=_set(
        "the this that these those it it's he he's she she's we we're they they're you i i'm but and then there here"
        " what why how when where who if in on at as after before do did does is are was were yes no my your his her"
        " our their now well maybe not"
    ),
)
_GERMAN = Abbreviations(
    never_last=_set(
        "dr prof hr fr frl st bzw ca evtl ggf inkl exkl zzgl vgl sog max min mio mrd tel geb z.b d.h u.a s.o z.t h"
    ),
    sometimes_last=_set("usw etc usf str co gmbh jr sen v.chr n.chr"),
    before_numbers=_set("nr s bd kap abb abs art jan feb apr aug sept okt nov dez"),
    starters=_set(
        "der die das dies dieser es er sie wir ihr ich du aber und dann da hier was warum wie wann wo wer wenn im am in"
        " auf nach vor ist sind war ja nein mein dein sein unser jetzt nicht man"
    ),
    ordinal_after=_set(
        "der die das den dem des am zum vom im beim ab bis seit ein eine einen jeder jede jedes jeden mein meine"
        " sein seine"
    ),
)
_SPANISH = Abbreviations(
    never_last=_set("sr sra srta dr dra dña d ud uds vd ej p.ej prof profa gral lic ing sto sta aprox"),
    sometimes_last=_set("etc s.a ee.uu a.c d.c cía ltda av avda"),
    before_numbers=_set("núm n.º n pág págs p pp cap vol art fig"),
    starters=_set(
        "el la los las un una esto este esta es él ella ellos yo tú usted pero y entonces aquí allí qué por cómo cuándo"
        " dónde quién si en al después antes sí no mi tu su ahora"
    ),
)
_FRENCH = Abbreviations(
    never_last=_set("m mm mme mlle dr pr me st ste ex p.ex cf env c.-à-d"),
    sometimes_last=_set("etc s.a j.-c av apr cie bd"),
    before_numbers=_set("n no n° p pp chap vol art fig janv févr avr juil sept oct nov déc"),
    starters=_set(
        "le la les un une ce cette c'est ça il elle ils elles on nous vous je tu mais et puis alors ici là que pourquoi"
        " comment quand où qui si en dans après avant oui non mon ton son maintenant"
    ),
)
_ITALIAN = Abbreviations(
    never_last=_set("sig sig.ra sig.na sigg dott dott.ssa prof prof.ssa avv ing on es p.es mons ca dr geom rag"),
    sometimes_last=_set("ecc etc a.c d.c s.p.a s.r.l"),
    before_numbers=_set("n nr num p pp pag pagg cap vol art fig"),
    starters=_set(
        "il lo la i gli le un una questo questa è lui lei loro noi voi io tu ma e poi allora qui che perché come quando"
        " dove chi se in dopo prima sì no mio tuo suo ora"
    ),
)
_PORTUGUESE = Abbreviations(
    never_last=_set("sr sra srta srs sras dr dra prof profa exmo exma d ex p.ex eng"),
    sometimes_last=_set("etc a.c d.c s.a ltda cia av"),
    before_numbers=_set("n nº núm p pág págs pp cap vol art fig"),
    starters=_set(
        "o a os as um uma isto isso este esta é ele ela eles elas nós eu tu você mas e então aqui que por como quando"
        " onde quem se em no na depois antes sim não meu minha seu agora"
    ),
)
_HINDI = Abbreviations(  # Hindi has no capitals, and its sentences end with "।"
    never_last=TITLES | _set("डॉ डा प्रो कु श्रीम नं सं पृ उदा ई ई.पू वि.सं रु रू rs कि.मी से.मी कि.ग्रा मि.ली ग्रा ली मी मि vs"),
    sometimes_last=frozenset(),
    before_numbers=frozenset(),
    starters=frozenset(),
)
_BY_LANGUAGE = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
    "hi": _HINDI,
    "it": _ITALIAN,
    "pt": _PORTUGUESE,
}

_TIMES = _set("a.m p.m")
_AFTER_TIMES = _set(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december est edt cst cdt mst mdt pst pdt et pt gmt bst utc cet"
)
_LIST_NUMBER = re.compile(r"\W*\d{1,3}")
_DOTTED = re.compile(r"([^\W\d_]\.)+[^\W\d_]")
_LOWER_INITIALS = "cdnpsuvz"  # "z. B.", "p. ej."; other small letters are words, as in "il y a."
_LONGEST_STARTER = 16
_NEXT_WORD = re.compile(r"[\s\"'“‘«(\[*_`¿¡]*(?P<word>[^\W\d_](?:[^\W\d_]|['’](?=\w)){0,16})")


def abbreviations_of(language: str) -> Abbreviations:
    """The table for a BCP-47 tag; English if the language has none."""
    return _BY_LANGUAGE.get(base(language), _ENGLISH)


def stop_kind(stops: str, word: str, before: str, known: Abbreviations) -> Stop:
    """What a run of stops is. word: the word before it. before: all of the text before it."""
    if "…" in stops or stops.startswith(".."):
        return Stop.ELLIPSIS
    if stops != ".":
        return Stop.SENTENCE
    lowered = word.lower()
    if lowered in _TIMES:
        return Stop.TIME
    if lowered in known.sometimes_last:
        return Stop.LETTER_TELLS
    if lowered in known.never_last:
        return Stop.WITHIN
    if lowered in known.before_numbers:
        return Stop.BEFORE_NUMBER
    is_initial = len(word) == 1 and word != "I" and (word.isupper() or word in _LOWER_INITIALS)
    if is_initial or _DOTTED.fullmatch(word):
        return Stop.WORD_TELLS
    if _LIST_NUMBER.fullmatch(before):
        return Stop.WITHIN
    return _ordinal_kind(word, before, known) or Stop.SENTENCE


def ends_sentence(kind: Stop, following: str, known: Abbreviations) -> bool | None:
    """Whether the text after the stop shows that it ends a sentence. None: more text is needed to tell."""
    match kind:
        case Stop.SENTENCE:
            return True
        case Stop.WITHIN:
            return False
    first = following.lstrip()[:1]
    if not first:
        return None
    if first.islower() or (first.isdigit() and kind in (Stop.WORD_TELLS, Stop.BEFORE_NUMBER)):
        return False
    if kind not in (Stop.WORD_TELLS, Stop.TIME):
        return True
    return _word_tells(kind, following, known)


def _word_tells(kind: Stop, following: str, known: Abbreviations) -> bool | None:
    match = _NEXT_WORD.match(following)
    if match is None:  # no letter: "U.S. — yes"; or only spaces and quotation marks so far
        return None if not following.strip(" \t\n\"'“‘«([*_`¿¡") else kind is Stop.TIME
    if match.end() == len(following) and len(match["word"]) <= _LONGEST_STARTER:
        return None
    word = match["word"].lower().replace("’", "'")
    return word in known.starters if kind is Stop.WORD_TELLS else word not in _AFTER_TIMES


def _ordinal_kind(word: str, before: str, known: Abbreviations) -> Stop | None:
    """The kind for "am 5. Mai", "Ludwig XIV. war": where ordinals have a dot, the word before the number shows what the
    dot is."""
    earlier = before[: -len(word)].split() if known.ordinal_after else []
    if not earlier:
        return None
    if re.fullmatch(r"\d{1,3}", word) and earlier[-1].lower() in known.ordinal_after:
        return Stop.WITHIN
    return Stop.LETTER_TELLS if re.fullmatch(r"[IVXL]+", word) and earlier[-1][0].isupper() else None
