"""Puts chosen variants into the words of a transcript, with punctuation marks, capitals and times. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asr_service.engine import Word
from asr_service.verbatim.variants import Variant

_PARTS = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)
_SENTENCE_ENDS = (".", "?", "!")


def plain(text: str) -> str:
    """A word in lower case, without the marks around it: " Apples." → "apples"."""
    return _parts(text)[1].lower().replace("’", "'")


def has_mark(text: str) -> bool:
    """Whether a mark follows the word."""
    return bool(_parts(text)[2].strip())


def reworded(words: Sequence[Word], chosen: Sequence[Variant]) -> tuple[Word, ...]:
    """The words with the variants put in; no two variants overlap. New words share the time of those that they
    replace."""
    found = list(words)
    for variant in sorted(chosen, key=lambda one: one.start, reverse=True):
        found[variant.start : variant.end] = _replacement(found, variant)
    return tuple(found)


def _replacement(words: list[Word], variant: Variant) -> list[Word]:
    """The new words. Neighbouring words may change, too: a mark moves to the word before, a capital to the next."""
    old = words[variant.start : variant.end]
    begins = variant.start == 0 or words[variant.start - 1].text.rstrip().endswith(_SENTENCE_ENDS)
    after = variant.end
    if not variant.words:
        if old and variant.start:
            _append(words, variant.start - 1, _parts(old[-1].text)[2])
        if begins and after < len(words):
            words[after] = _with_text(words[after], _capital(words[after].text))
        return []
    texts = [" " + _shown(word, old, begins=begins) for word in variant.words]
    if begins:
        texts[0] = _capital(texts[0])
        if not old and after < len(words):
            words[after] = _with_text(words[after], _small(words[after].text))
    if old:
        texts[-1] += _parts(old[-1].text)[2]
    return _timed(texts, *_span(words, variant), _confidence(words, variant))


def _shown(word: str, old: Sequence[Word], *, begins: bool) -> str:
    """A plain word as it is written. If it is one of the replaced words, it is written as it was."""
    if word == "i" or word.startswith("i'"):
        return word.capitalize()
    return next((_parts(one.text)[1] for one in (old[1:] if begins else old) if plain(one.text) == word), word)


def _span(words: Sequence[Word], variant: Variant) -> tuple[int, int]:
    """Where the new words begin and end. Words that recognition left out get the gap between their neighbours."""
    if variant.start < variant.end:
        return words[variant.start].start, words[variant.end - 1].end
    begin = words[variant.start - 1].end if variant.start else words[0].start
    return begin, max(begin, words[variant.end].start) if variant.end < len(words) else begin


def _confidence(words: Sequence[Word], variant: Variant) -> float:
    """The lowest confidence of the replaced words, or of the neighbours of an added word."""
    around = words[variant.start : variant.end] or words[max(0, variant.start - 1) : variant.end + 1]
    return min(word.confidence for word in around)


def _timed(texts: Sequence[str], begin: int, end: int, confidence: float) -> list[Word]:
    """Words that share the time [begin, end) in proportion to their lengths."""
    letters = [len(text) for text in texts]
    edges = [begin + (end - begin) * sum(letters[:i]) // sum(letters) for i in range(len(texts) + 1)]
    return [Word(text, edges[i], edges[i + 1], confidence) for i, text in enumerate(texts)]


def _append(words: list[Word], i: int, marks: str) -> None:
    if marks.strip() and not has_mark(words[i].text):
        words[i] = _with_text(words[i], words[i].text + marks)


def _with_text(word: Word, text: str) -> Word:
    return Word(text, word.start, word.end, word.confidence)


def _capital(text: str) -> str:
    before, core, after = _parts(text)
    return before + core[:1].upper() + core[1:] + after


def _small(text: str) -> str:
    before, core, after = _parts(text)
    is_i = core == "I" or core.startswith(("I'", "I’"))
    return text if is_i else before + core[:1].lower() + core[1:] + after


def _parts(text: str) -> tuple[str, str, str]:
    match = _PARTS.fullmatch(text)
    assert match is not None  # noqa: S101  the pattern matches every text
    return match[1], match[2], match[3]
