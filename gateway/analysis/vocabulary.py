"""Measures the learner's words (how many, how varied, how rare), and finds words of the partner to learn next.

Variety is MATTR, the moving-average type-token ratio (Covington & McFall, 2010): the share of distinct words in every
window of 50 words, averaged. Unlike the plain ratio it does not fall as a text grows. Rarity follows the lexical
frequency profile (Laufer & Nation, 1995), with bands on the Zipf scale (van Heuven et al., 2014) of `wordfreq`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple

from gateway.analysis.document import Rarity, RarityBand, RatedWord, Vocabulary, WordToLearn
from gateway.analysis.fluency import spoken_words
from gateway.analysis.inflection import is_worth_learning
from gateway.analysis.sentences import clip, names_in, sentences_of
from gateway.analysis.words import Lexicon, has_only_letters
from gateway.history import LearnerTurn, Level, PartnerTurn, Turn

MATTR_WINDOW = 50
_RAREST = 10
_TO_LEARN = 10
KNOWN_FROM_ZIPF = 1.5  # rarer "words" are mostly slips (buyed: 1.2), names, or misheard
_RARE_BELOW = 4.5  # only words beyond the most frequent 3,000 or so are worth showing as rare


BandName = Literal["most_common", "common", "less_common", "rare", "unknown"]


class _Band(NamedTuple):
    name: BandName
    zipf_from: float
    zipf_below: float


_BANDS = (
    _Band("most_common", 5.0, 9.0),  # about the 1,000 most frequent words of English
    _Band("common", 4.0, 5.0),  # up to about rank 7,000 by frequency
    _Band("less_common", 3.0, 4.0),  # up to about rank 30,000
    _Band("rare", KNOWN_FROM_ZIPF, 3.0),
    _Band("unknown", 0.0, KNOWN_FROM_ZIPF),
)

LEARNABLE_ZIPF: dict[Level, tuple[float, float]] = {
    "beginner": (4.0, 5.0),
    "intermediate": (3.5, 4.6),
    "advanced": (2.5, 4.1),
}
"""The range [from, below) on the Zipf scale of the words worth learning at each level: neither known already nor too
rare.

Even beginners soon know the 1,000 most frequent words (Zipf 5).
"""


def measure_vocabulary(turns: Sequence[Turn], lexicon: Lexicon, level: Level) -> Vocabulary:
    """The numbers over all turns of the learner, spoken and typed."""
    texts = [turn.text for turn in turns if isinstance(turn, LearnerTurn)]
    words = [word for text in texts for word in spoken_words(text, lexicon)]
    known = lexicon.rarity_unknown_because is None
    return Vocabulary(
        unit=lexicon.unit,
        words=len(words),
        distinct_words=len(set(words)),
        variety=mattr(words),
        mean_words_per_turn=round(len(words) / len(texts), 1) if texts else None,
        rarity=measure_rarity(words, names_in(texts, lexicon.language), lexicon) if known else None,
        words_to_learn=words_to_learn(turns, set(words), lexicon, level) if known else (),
    )


def mattr(words: Sequence[str], window: int = MATTR_WINDOW) -> float | None:
    """The mean share of distinct words over all windows of `window` words; None for fewer words than that."""
    if len(words) < window:
        return None
    inside = Counter(words[:window])
    total = len(inside)
    for leaving, entering in zip(words, words[window:], strict=False):
        inside[entering] += 1
        inside[leaving] -= 1
        if not inside[leaving]:
            del inside[leaving]
        total += len(inside)
    return round(total / (len(words) - window + 1) / window, 3)


def measure_rarity(words: Iterable[str], names: set[str], lexicon: Lexicon) -> Rarity:
    """Words by frequency band; names and numbers are left out."""
    counts = Counter(word for word in words if word not in names and not any(map(str.isdigit, word)))
    zipf = {word: lexicon.zipf(word) for word in counts}
    known = [word for word in counts if zipf[word] >= KNOWN_FROM_ZIPF]
    running = sum(counts[word] for word in known)
    weighted = sum(zipf[word] * counts[word] for word in known)
    rarest = sorted((zipf[word], word) for word in known if zipf[word] < _RARE_BELOW)[:_RAREST]
    return Rarity(
        mean_zipf=round(weighted / running, 2) if running else None,
        bands=tuple(_band(band, counts, zipf) for band in _BANDS),
        rarest_words=tuple(RatedWord(word=word, zipf=value) for value, word in rarest),
    )


def band_of(zipf: float) -> BandName:
    """The frequency band of a word."""
    return next(band.name for band in _BANDS if zipf >= band.zipf_from)


def _band(band: _Band, counts: Counter[str], zipf: dict[str, float]) -> RarityBand:
    inside = [word for word in counts if band.zipf_from <= zipf[word] < band.zipf_below]
    return RarityBand(
        name=band.name,
        zipf_from=band.zipf_from,
        zipf_below=band.zipf_below,
        words=sum(counts[word] for word in inside),
        distinct_words=len(inside),
    )


def words_to_learn(turns: Sequence[Turn], used: set[str], lexicon: Lexicon, level: Level) -> tuple[WordToLearn, ...]:
    """The partner's words in the level's range that the learner did not use in any form, the most frequent first.

    See `inflection` for the kinds of words that are left out.
    """
    heard = [turn.text for turn in turns if isinstance(turn, PartnerTurn)]
    names = names_in(heard, lexicon.language)
    low, high = LEARNABLE_ZIPF[level]
    known = _Families(used)
    first_heard: dict[str, str] = {}
    for sentence in (sentence for text in heard for sentence in sentences_of(text)):
        for word in spoken_words(sentence, lexicon):
            first_heard.setdefault(word, sentence)
    rated = sorted((-lexicon.zipf(word), word) for word in first_heard if has_only_letters(word) and word not in names)
    chosen: list[WordToLearn] = []
    for negative_zipf, word in rated:
        if len(chosen) == _TO_LEARN:
            break
        if low <= -negative_zipf < high and word not in known and is_worth_learning(word, lexicon):
            known.add(word)  # one form of a word is enough
            chosen.append(WordToLearn(word=word, zipf=-negative_zipf, heard_in=clip(first_heard[word], 200)))
    return tuple(chosen)


class _Families:
    """Groups words by a rough stem, their common beginning: travel, travels and travelled are one."""

    _STEM = 4  # letters

    def __init__(self, words: Iterable[str]) -> None:
        self._by_start: defaultdict[str, set[str]] = defaultdict(set)
        for word in words:
            self.add(word)

    def add(self, word: str) -> None:
        self._by_start[word[: self._STEM]].add(word)

    def __contains__(self, word: str) -> bool:
        return any(self._related(word, other) for other in self._by_start.get(word[: self._STEM], ()))

    def _related(self, one: str, other: str) -> bool:
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
        return one == other or common >= max(self._STEM, 0.6 * max(len(one), len(other)))
