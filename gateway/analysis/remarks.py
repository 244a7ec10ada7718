"""The fixed sentences of an analysis: why a part is missing, what an estimated level is based on, and why a mistake was
corrected.

Each has a code and values, so that a page can say it in its own language (docs/analysis.md). The texts in the page's
languages are in `gateway/web/texts`, under `remarks`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from common.languages import base
from gateway.analysis.reasons import REASONS

_PAGE_TEXTS = Path(__file__).parents[1] / "web" / "texts"
_AS_AT = "as at {level}."

# By code. A pair: for a `count` of one, and for others.
TEXTS: dict[str, str | tuple[str, str]] = {
    "nothing_said": "The learner said nothing.",
    "nothing_to_correct": "There was nothing to correct.",
    "no_new_words": "There were no new words.",
    "too_small_for_mistakes": (
        "The language model here is too small to find mistakes; only a few kinds were looked for. A larger one can."
    ),
    "too_small_for_meanings": "The language model here is too small to explain words. A larger one can.",
    "too_small_for_feedback": (
        "The language model here is too small to write a summary and next steps. A larger one can."
    ),
    "too_small_for_opinion": (
        "The language model here is too small to give an opinion; what you said is measured. A larger one can."
    ),
    "unusable": "The language model wrote nothing usable here. A larger model does better.",
    "unusable_twice": "The language model wrote nothing usable, twice. A larger model does better.",
    "too_late": "The language model did not answer in time.",
    "model_failed": "The language model failed: {message}",
    "no_fillers": (
        "not measured. Speech recognition wrote down no “um” or “uh”. Most recognisers leave such sounds out, so there "
        "may have been some."
    ),
    "no_frequencies": "There is no list of word frequencies for '{language}'.",
    "package_missing": ("The words of '{language}' cannot be told apart here: the package {package} is not installed."),
    "no_words": "An estimate needs words, and those of '{language}' cannot be told apart here.",
    "too_few_words": (
        "Only {count} word was said; an estimate needs at least {needed}.",
        "Only {count} words were said; an estimate needs at least {needed}.",
    ),
    "too_little_checked": (
        "No level is named, because mistakes count, and the language model here could not look for them in enough "
        "of what was said. A larger model can."
    ),
    "too_few_signs": (
        "No level is named: only {count} sign could be measured, and {needed} are needed.",
        "No level is named: only {count} signs could be measured, and {needed} are needed.",
    ),
    "signs_disagree": "No level is named, because the signs do not agree: they go from {lowest} to {highest}.",
    "speech_rate": f"Speech rate: {{rate}} words per minute, {_AS_AT}",
    "speech_rate_or_above": "Speech rate: {rate} words per minute, as at {level} or above.",
    "turn_length": f"Length of turns: {{words}} words on average, {_AS_AT}",
    "variety": f"Variety: {{percent}}% of the words in a stretch of 50 are different ones, {_AS_AT}",
    "less_common_words": f"Vocabulary: {{percent}}% of the words are less common ones, {_AS_AT}",
    "mistakes": "Mistakes: {rate} in 100 words, {level} at most.",
    "rough_thresholds": "The thresholds are those for English and fit other languages only roughly.",
    **REASONS,
}


class Remark(str):
    """A sentence of TEXTS in English that remembers its code and its values."""

    code: str
    values: dict[str, str | int | float]

    def __new__(cls, code: str, **values: Any) -> Remark:
        text = TEXTS[code]
        if isinstance(text, tuple):
            text = text[values["count"] != 1]
        remark = super().__new__(cls, text.format(**values))
        remark.code = code
        remark.values = values
        return remark

    def in_language(self, language: str) -> str:
        """The sentence in `language` (a BCP-47 tag) if the page speaks that language, otherwise in English.

        Only for sentences without a `count`, because each language has plural rules of its own.
        """
        text = _texts(base(language)).get(self.code)
        return text.format(**self.values) if isinstance(text, str) else str(self)


@cache
def _texts(language: str) -> dict[str, Any]:
    """The page's texts of the remarks, by code; empty if the page doesn't speak `language`."""
    file = _PAGE_TEXTS / f"{language}.json"
    return dict(json.loads(file.read_text("utf-8"))["remarks"]) if language.isalpha() and file.is_file() else {}
