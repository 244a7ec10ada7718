"""Words as a reader sees them, and a guess of when each is said, for engines that do not report the times."""

from __future__ import annotations

import re

from tts_service.engine import EngineWord
from tts_service.text.clauses import has_words

_TOKEN = re.compile(r"\S+")


def written_words(text: str) -> list[tuple[int, int]]:
    """Places [start, end) of the words of `text`, punctuation included. Text that can't be spoken is not a word."""
    return [match.span() for match in _TOKEN.finditer(text) if has_words(match[0])]


def estimate_words(text: str, samples: int) -> tuple[EngineWord, ...]:
    """Words of `text` spread over `samples` in proportion to their lengths."""
    spans = written_words(text)
    total = sum(end - start for start, end in spans)
    words, done = [], 0
    for start, end in spans:
        begun, done = done, done + end - start
        words.append(EngineWord(start, end, begun * samples // total, done * samples // total))
    return tuple(words)
