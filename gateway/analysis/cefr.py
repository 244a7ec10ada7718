"""An estimate of the CEFR level (Council of Europe, 2020) by an open rule over the measurements.

Up to four signs are put on the scale A1 … C2 by thresholds: speech rate, length of turns, variety and rarity of words.
Their median is the estimate. Speech rate distinguishes the levels only up to B2 (Tavakoli, Nakatsuhara & Hunter, 2020),
so a fast speaker is "at B2 or above". Mistakes can lower the estimate but never raise it, as a model may overlook some.

The estimate names a level only if there are enough words, a search for mistakes, and at least three signs, at most one
of which disagrees. The thresholds are ours, for English conversation. They were never calibrated against examiners, so
the result contains its evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from common.languages import base
from gateway.analysis.document import Cefr, Confidence, Fluency, Grammar, Told, Vocabulary
from gateway.analysis.remarks import Remark
from gateway.history import CEFR_LEVELS, CefrLevel

MIN_WORDS = 50
MIN_SIGNS = 3
MIN_SHARE_CHECKED = 0.5


@dataclass(frozen=True, slots=True)
class Sign:
    """One measured value on the scale: `step` 0 is A1, 5 is C2. is_open: it shows that step or any above it."""

    step: int
    evidence: Remark
    is_open: bool = False

    def agrees_with(self, step: int) -> bool:
        """Whether `step` is at most one level away."""
        return self.step - 1 <= step and (self.is_open or step <= self.step + 1)


def estimate_cefr(
    fluency: Fluency, vocabulary: Vocabulary, grammar: Grammar, language: str, impression: str | None
) -> tuple[Cefr, Remark | None]:
    """The estimate and, if it names no level, the reason.

    grammar: with `words_checked` 0 if there was no search for mistakes. impression: the language model's, in words;
    it is added to the evidence, but does not change the estimate.
    """
    signs, mistakes = _signs(fluency, vocabulary), _mistakes(grammar)
    evidence: list[str] = [sign.evidence for sign in signs]
    if mistakes is not None:
        evidence.append(mistakes.evidence)
    if impression is not None:
        evidence.append(impression)
    because = _too_little(vocabulary, language) or _too_few_signs(signs, vocabulary, grammar)
    step = _step(signs) if signs else 0
    if because is None:
        because = _disagreement(signs, mistakes, step)
    if because is not None:
        return _cefr(None, None, evidence), because
    english = base(language) == "en"
    if not english:
        evidence.append(Remark("rough_thresholds"))
    confidence = _confidence(vocabulary.words, signs) if english else "low"
    step = step if mistakes is None else min(step, mistakes.step)
    return _cefr(CEFR_LEVELS[step], confidence, evidence), None


def _cefr(estimate: CefrLevel | None, confidence: Confidence | None, evidence: Sequence[str]) -> Cefr:
    codes = tuple(map(Told.of, evidence))
    return Cefr(estimate=estimate, confidence=confidence, evidence=tuple(evidence), evidence_codes=codes)


def _too_little(vocabulary: Vocabulary, language: str) -> Remark | None:
    if vocabulary.unit == "character":
        return Remark("no_words", language=language)
    if vocabulary.words >= MIN_WORDS:
        return None
    return Remark("too_few_words", count=vocabulary.words, needed=MIN_WORDS)


def _too_few_signs(signs: Sequence[Sign], vocabulary: Vocabulary, grammar: Grammar) -> Remark | None:
    if grammar.words_checked < MIN_SHARE_CHECKED * vocabulary.words:
        return Remark("too_little_checked")
    if len(signs) < MIN_SIGNS:
        return Remark("too_few_signs", count=len(signs), needed=MIN_SIGNS)
    return None


def _disagreement(signs: Sequence[Sign], mistakes: Sign | None, step: int) -> Remark | None:
    """The reason to name no level, if the signs disagree. All signs but one must be within a level of the estimate.
    The level that the mistakes allow may be at most one below it."""
    disagreeing = sum(not sign.agrees_with(step) for sign in signs)
    if disagreeing <= 1 and (mistakes is None or mistakes.step >= step - 1):
        return None
    steps = [sign.step for sign in signs] + ([mistakes.step] if mistakes is not None else [])
    return Remark("signs_disagree", lowest=CEFR_LEVELS[min(steps)], highest=CEFR_LEVELS[max(steps)])


def _step(signs: Sequence[Sign]) -> int:
    """The median of the signs. An open sign counts as the median of the other signs, if that is higher."""
    closed = [sign.step for sign in signs if not sign.is_open]
    middle = median_low(closed) if closed else 0
    return median_low([max(sign.step, middle) if sign.is_open else sign.step for sign in signs])


def _signs(fluency: Fluency, vocabulary: Vocabulary) -> list[Sign]:
    signs = []
    if (rate := fluency.words_per_minute) is not None:
        step = _step_of(rate, (60, 85, 110))  # B2 is the highest that a rate can show
        is_open = CEFR_LEVELS[step] == "B2"
        code = "speech_rate_or_above" if is_open else "speech_rate"
        signs.append(Sign(step, Remark(code, rate=round(rate), level=CEFR_LEVELS[step]), is_open))
    if (length := vocabulary.mean_words_per_turn) is not None:
        step = _step_of(length, (4, 8, 13, 20, 30))
        signs.append(Sign(step, Remark("turn_length", words=round(length, 1), level=CEFR_LEVELS[step])))
    if (variety := vocabulary.variety) is not None:
        step = _step_of(variety, (0.62, 0.70, 0.76, 0.82, 0.88))
        signs.append(Sign(step, Remark("variety", percent=round(100 * variety), level=CEFR_LEVELS[step])))
    if (share := _share_beyond_common(vocabulary)) is not None:
        step = _step_of(share, (0.01, 0.025, 0.05, 0.09, 0.14))
        signs.append(Sign(step, Remark("less_common_words", percent=round(100 * share, 1), level=CEFR_LEVELS[step])))
    return signs


def _step_of(value: float, thresholds: Sequence[float]) -> int:
    return sum(value >= threshold for threshold in thresholds)


def _share_beyond_common(vocabulary: Vocabulary) -> float | None:
    """The share of the bands `less_common` and `rare` in all running words that aren't `unknown`."""
    bands = {band.name: band.words for band in vocabulary.rarity.bands} if vocabulary.rarity else {}
    listed = sum(bands.values()) - bands.get("unknown", 0)
    return (bands["less_common"] + bands["rare"]) / listed if listed else None


def _mistakes(grammar: Grammar) -> Sign | None:
    """The highest estimate that this many mistakes allow; none if no mistake was found."""
    rate = grammar.corrections_per_100_words
    if not rate:
        return None
    step = sum(rate <= threshold for threshold in (15, 10, 6, 3, 1))
    return Sign(step, Remark("mistakes", rate=round(rate, 1), level=CEFR_LEVELS[step]))


def _confidence(words: int, signs: Sequence[Sign]) -> Confidence:
    """The confidence in a level whose signs agree."""
    steps = [sign.step for sign in signs]
    spread = max(steps) - min(steps)
    if words >= 400 and len(signs) == 4 and spread <= 1:
        return "high"
    return "medium" if words >= 150 and spread <= 2 else "low"
