"""The phonemes of inflected words, from those of their base: "teached" from "teach". Pure.

The network that pronounces spelled words takes 20 ms for each word. Most variants of a turn are inflected forms of its
words, so they don't need it.
"""

from __future__ import annotations

from collections.abc import Mapping

Phonemes = tuple[str, ...]

_VOICELESS = frozenset(("p", "t", "k", "f", "θ", "s", "ʃ", "t͡ʃ"))
_HISSING = frozenset(("s", "z", "ʃ", "ʒ", "t͡ʃ", "d͡ʒ"))
_IRREGULAR = frozenset(("do", "have", "live", "read", "say"))
"""Words whose sound changes with an ending, or that have two pronunciations."""


def inflected(word: str, known: Mapping[str, Phonemes]) -> Phonemes | None:
    """The phonemes of `word` if it is a `known` word with -s, -ed or -ing, else None."""
    for ending, stems in (
        ("ing", (word[:-3], word[:-3] + "e", word[:-4])),
        ("ied", (word[:-3] + "y",)),
        ("ies", (word[:-3] + "y",)),
        ("ed", (word[:-2], word[:-1], word[:-3])),
        ("s", (word[:-1], word[:-2])),
    ):
        if word.endswith(ending):
            base = next((stem for stem in stems if stem in known and stem not in _IRREGULAR and len(stem) > 2), None)
            return (*known[base], *_sound_of(ending, known[base][-1])) if base else None
    return None


def _sound_of(ending: str, last: str) -> Phonemes:
    """The phonemes of an ending. last: the last phoneme of the base."""
    if ending == "ing":
        return ("ɪ", "ŋ")
    if ending in ("ed", "ied"):
        if last in ("t", "d"):
            return ("ɪ", "d")
        return ("t",) if last in _VOICELESS else ("d",)
    if last in _HISSING:
        return ("ɪ", "z")
    return ("s",) if last in _VOICELESS else ("z",)
