"""An estimate of the CEFR level (Council of Europe, 2020) by an open rule over the measurements.

Up to four signs are put on the scale A1 … C2 by thresholds: speech rate, length of turns, variety and rarity of words.
Their median is the estimate. Speech rate distinguishes the levels only up to B2 (Tavakoli, Nakatsuhara & Hunter, 2020),
so a fast speaker is "at B2 or above". Mistakes can lower the estimate but never raise it, as a model may overlook some.

The estimate names a level only if there are enough words, a search for mistakes, and at least three signs that agree.
The thresholds are ours, for English conversation. They were never calibrated against examiners, so the result contains
its evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import get_args

from gateway.analysis.document import Cefr, Confidence, Fluency, Grammar, Vocabulary
from gateway.analysis.sentences import counted
from gateway.history import CefrLevel

MIN_WORDS = 50
MIN_SIGNS = 3
MIN_SHARE_CHECKED = 0.5
LEVELS: tuple[CefrLevel, ...] = get_args(CefrLevel)


@dataclass(frozen=True, slots=True)
class Sign:
    """One measured value on the scale: `step` 0 is A1, 5 is C2. is_open: at that step, or anywhere above."""

    step: int
    evidence: str
    is_open: bool = False

    def agrees_with(self, step: int) -> bool:
        """Whether `step` is at most one level away."""
        return self.step - 1 <= step and (self.is_open or step <= self.step + 1)


def estimate_cefr(
    fluency: Fluency, vocabulary: Vocabulary, grammar: Grammar, language: str, impression: str | None
) -> tuple[Cefr, str | None]:
    """The estimate or, if there is none, the reason.

    grammar: with `words_checked` 0 if there was no search for mistakes. impression: the language model's, in words; it
    is only passed on.
    """
    signs, mistakes = _signs(fluency, vocabulary), _mistakes(grammar)
    evidence = [sign.evidence for sign in signs]
    if mistakes is not None:
        evidence.append(mistakes.evidence)
    if impression is not None:
        evidence.append(impression)
    because = _too_little(vocabulary, language) or _too_few_signs(signs, vocabulary, grammar)
    step = _step(signs) if signs else 0
    if because is None:
        because = _disagreement(signs, mistakes, step)
    if because is not None:
        return Cefr(estimate=None, confidence=None, evidence=tuple(evidence)), because
    english = language.partition("-")[0].lower() == "en"
    if not english:
        evidence.append("The thresholds are those for English and fit other languages only roughly.")
    confidence = _confidence(vocabulary.words, signs) if english else "low"
    step = step if mistakes is None else min(step, mistakes.step)
    return Cefr(estimate=LEVELS[step], confidence=confidence, evidence=tuple(evidence)), None


def _too_little(vocabulary: Vocabulary, language: str) -> str | None:
    if vocabulary.unit == "character":
        return f"An estimate needs words, and those of '{language}' cannot be told apart here."
    if vocabulary.words >= MIN_WORDS:
        return None
    verb = "was" if vocabulary.words == 1 else "were"
    return f"Only {counted(vocabulary.words, 'word')} {verb} said; an estimate needs at least {MIN_WORDS}."


def _too_few_signs(signs: Sequence[Sign], vocabulary: Vocabulary, grammar: Grammar) -> str | None:
    if grammar.words_checked < MIN_SHARE_CHECKED * vocabulary.words:
        return (
            "No level is named, because mistakes count, and the language model here could not look for them in enough "
            "of what was said. A larger model can."
        )
    if len(signs) < MIN_SIGNS:
        return f"No level is named: only {counted(len(signs), 'sign')} could be measured, and {MIN_SIGNS} are needed."
    return None


def _disagreement(signs: Sequence[Sign], mistakes: Sign | None, step: int) -> str | None:
    """Why the signs disagree, if they do. All but one must be within a level of the estimate, and mistakes at most one
    level below it."""
    disagreeing = sum(not sign.agrees_with(step) for sign in signs)
    if disagreeing <= 1 and (mistakes is None or mistakes.step >= step - 1):
        return None
    steps = [sign.step for sign in signs] + ([mistakes.step] if mistakes is not None else [])
    return (
        f"No level is named, because the signs do not agree: they go from {LEVELS[min(steps)]} to {LEVELS[max(steps)]}."
    )


def _step(signs: Sequence[Sign]) -> int:
    """The median of the signs. An open sign counts as high as the others, if they are higher."""
    closed = [sign.step for sign in signs if not sign.is_open]
    middle = median_low(closed) if closed else 0
    return median_low([max(sign.step, middle) if sign.is_open else sign.step for sign in signs])


def _signs(fluency: Fluency, vocabulary: Vocabulary) -> list[Sign]:
    signs = []
    if fluency.words_per_minute is not None:
        rate = fluency.words_per_minute
        signs.append(_sign(rate, (60, 85, 110), f"Speech rate: {rate:.0f} words per minute"))
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
    """The sign of a value. If the thresholds end at B2, the highest step is open."""
    step = sum(value >= threshold for threshold in thresholds)
    is_open = step == len(thresholds) < len(LEVELS) - 1
    return Sign(step, f"{text}, as at {LEVELS[step]}{' or above' if is_open else ''}.", is_open)


def _share_beyond_common(vocabulary: Vocabulary) -> float | None:
    """The share of listed running words beyond the bands `most_common` and `common`."""
    bands = {band.name: band.words for band in vocabulary.rarity.bands} if vocabulary.rarity else {}
    listed = sum(bands.values()) - bands.get("unknown", 0)
    return (bands["less_common"] + bands["rare"]) / listed if listed else None


def _mistakes(grammar: Grammar) -> Sign | None:
    """The highest estimate that this many mistakes allow; none if no mistake was found."""
    rate = grammar.corrections_per_100_words
    if not rate:
        return None
    step = sum(rate <= threshold for threshold in (15, 10, 6, 3, 1))
    return Sign(step, f"Mistakes: {rate:.1f} in 100 words, {LEVELS[step]} at most.")


def _confidence(words: int, signs: Sequence[Sign]) -> Confidence:
    """The confidence in a level whose signs agree."""
    steps = [sign.step for sign in signs]
    spread = max(steps) - min(steps)
    if words >= 400 and len(signs) == 4 and spread <= 1:
        return "high"
    return "medium" if words >= 150 and spread <= 2 else "low"
