"""How common single words are, for someone who looks one up: GET /words.

The level is only an estimate from how often a word is used in the language. Learners meet frequent words first, so the
most frequent 700 or so are about A1, and each further level reaches further down the Zipf scale. The true level differs
for a word with a rare meaning, or one that courses teach early (`zebra`).
"""

from __future__ import annotations

from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from gateway.analysis.vocabulary import BandName, band_of
from gateway.analysis.words import Lexicon, load_lexicon
from gateway.history import CefrLevel

_CEFR_FROM: tuple[tuple[CefrLevel, float], ...] = (("A1", 5.2), ("A2", 4.7), ("B1", 4.2), ("B2", 3.7), ("C1", 3.1))
"""Each level and the lowest Zipf value of its words. Rarer words in the list are C2."""

lexicon_of = lru_cache(maxsize=8)(load_lexicon)
"""As `load_lexicon`, but cached, since loading a language takes a moment."""


class WordFrequency(BaseModel):
    """One word. zipf: log10 of uses per 10⁹ words, 0 if it is not in the list. cefr: None in the band `unknown`."""

    model_config = ConfigDict(frozen=True)

    word: str
    zipf: float
    band: BandName
    cefr: CefrLevel | None


class WordFrequencies(BaseModel):
    """The words of a text. unknown_because: why there are none; None if the language has a list of frequencies."""

    model_config = ConfigDict(frozen=True)

    language: str
    words: tuple[WordFrequency, ...]
    unknown_because: str | None


def look_up(text: str, language: str) -> WordFrequencies:
    """The distinct words of `text`, in order. Blocks while the language's list is loaded for the first time."""
    lexicon = lexicon_of(language)
    because = lexicon.rarity_unknown_because
    words = () if because else tuple(_frequency(word, lexicon) for word in dict.fromkeys(lexicon.words(text)))
    return WordFrequencies(language=language, words=words, unknown_because=because)


def _frequency(word: str, lexicon: Lexicon) -> WordFrequency:
    zipf = lexicon.zipf(word)
    band = band_of(zipf)
    return WordFrequency(word=word, zipf=zipf, band=band, cefr=None if band == "unknown" else _cefr(zipf))


def _cefr(zipf: float) -> CefrLevel:
    return next((level for level, least in _CEFR_FROM if zipf >= least), "C2")
