"""An estimate of the CEFR level (Council of Europe, 2020) by an open rule over what was measured.

Each of four signs is put on the scale A1 … C2 by thresholds; the estimate is their mean. Speech rate tells the levels
apart up to B2 (Tavakoli, Nakatsuhara & Hunter, 2020); length of turns, variety and rarity of words are there for the
rest. Corrections per 100 words can only lower the estimate: a model that finds no mistakes may just be a small one. The
thresholds are ours, for English conversation; they were never calibrated against examiners, so the evidence goes with
the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from gateway.analysis.document import Cefr, Confidence, Fluency, Grammar, Vocabulary
from gateway.history import CefrLevel

MIN_WORDS = 50
LEVELS: tuple[CefrLevel, ...] = get_args(CefrLevel)


@dataclass(frozen=True, slots=True)
class Sign:
    """One measured value and where it stands: `step` 0 is A1, 5 is C2."""

    step: int
    evidence: str


def too_little(words: int) -> str | None:
    """Why there can be no estimate, if so little was said."""
    return f"Only {words} words were said; an estimate needs at least {MIN_WORDS}." if words < MIN_WORDS else None


def estimate_cefr(
    fluency: Fluency, vocabulary: Vocabulary, grammar: Grammar, language: str, impression: str | None
) -> Cefr:
    """The estimate. impression: the language model's own, in words; it is passed on and counts for nothing."""
    signs = _signs(fluency, vocabulary)
    evidence = [sign.evidence for sign in signs]
    ceiling = _ceiling(grammar)
    if ceiling is not None:
        evidence.append(ceiling.evidence)
    if impression is not None:
        evidence.append(impression)
    if too_little(vocabulary.words) or vocabulary.unit == "character" or not signs:
        return Cefr(estimate=None, confidence=None, evidence=tuple(evidence))
    step = int(sum(sign.step for sign in signs) / len(signs) + 0.5)
    if ceiling is not None:
        step = min(step, ceiling.step)
    english = language.partition("-")[0].lower() == "en"
    if not english:
        evidence.append("The thresholds are those for English and fit other languages only roughly.")
    confidence = _confidence(vocabulary.words, signs) if english else "low"
    return Cefr(estimate=LEVELS[step], confidence=confidence, evidence=tuple(evidence))


def _signs(fluency: Fluency, vocabulary: Vocabulary) -> list[Sign]:
    signs = []
    if fluency.words_per_minute is not None:
        rate = fluency.words_per_minute
        signs.append(_sign(rate, (60, 85, 110, 135, 160), f"Speech rate: {rate:.0f} words per minute"))
    if vocabulary.mean_words_per_turn is not None:
        length = vocabulary.mean_words_per_turn
        signs.append(_sign(length, (4, 8, 13, 20, 30), f"Length of turns: {length:.1f} words on average"))
    if vocabulary.variety is not None:
        variety = vocabulary.variety
        text = f"Variety: {variety:.0%} of the words in a stretch of 50 are different ones"
        signs.append(_sign(variety, (0.62, 0.70, 0.76, 0.82, 0.88), text))
    if vocabulary.rarity is not None and (share := _share_beyond_common(vocabulary)) is not None:
        text = f"Vocabulary: {share:.1%} of the words are less common ones"
        signs.append(_sign(share, (0.01, 0.025, 0.05, 0.09, 0.14), text))
    return signs


def _sign(value: float, thresholds: Sequence[float], text: str) -> Sign:
    step = sum(value >= threshold for threshold in thresholds)
    return Sign(step, f"{text}, as at {LEVELS[step]}.")


def _share_beyond_common(vocabulary: Vocabulary) -> float | None:
    """The share of listed running words beyond the bands `most_common` and `common`."""
    bands = {band.name: band.words for band in vocabulary.rarity.bands} if vocabulary.rarity else {}
    listed = sum(bands.values()) - bands.get("unknown", 0)
    return (bands["less_common"] + bands["rare"]) / listed if listed else None


def _ceiling(grammar: Grammar) -> Sign | None:
    """How high the estimate may be with this many mistakes; none where no mistake was found."""
    rate = grammar.corrections_per_100_words
    if not rate:
        return None
    step = sum(rate <= threshold for threshold in (15, 10, 6, 3, 1))
    return Sign(step, f"Grammar: {rate:.1f} corrections per 100 words, {LEVELS[step]} at most.")


def _confidence(words: int, signs: Sequence[Sign]) -> Confidence:
    steps = [sign.step for sign in signs]
    spread = max(steps) - min(steps)
    if words >= 400 and len(signs) == 4 and spread <= 1:
        return "high"
    return "medium" if words >= 150 and len(signs) >= 3 and spread <= 2 else "low"
