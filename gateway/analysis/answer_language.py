"""Whether the language model answered in the language that the question asks for.

The questions are in English, and a weak model is inclined to answer in English, whatever language they ask for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from common.languages import UNSPACED as UNSPACED_LANGUAGES
from common.languages import base
from common.letters import UNSPACED
from gateway.analysis.word_frequency import lexicon_of
from gateway.analysis.words import Lexicon

_UNSPACED = re.compile(f"[{UNSPACED}]")

LanguageCheck = Callable[[str], bool]
"""Whether a text seems to be in the language; False only if its words are more frequent in English, or if it has none
of the language's characters."""


async def check_of(language: str) -> LanguageCheck:
    """The check for a BCP-47 tag. It accepts all texts if `language` is English, or has neither characters of its own
    nor a list of word frequencies."""
    if base(language) == "en":
        return _accept
    if base(language) in UNSPACED_LANGUAGES:
        return lambda text: _UNSPACED.search(text) is not None
    asked, english = await asyncio.to_thread(lambda: (lexicon_of(language), lexicon_of("en")))
    if asked.rarity_unknown_because:
        return _accept
    return lambda text: _mean_zipf(text, asked) >= _mean_zipf(text, english)


def _accept(_: str) -> bool:
    return True


def _mean_zipf(text: str, lexicon: Lexicon) -> float:
    words = lexicon.words(text)
    return sum(map(lexicon.zipf, words)) / max(1, len(words))
