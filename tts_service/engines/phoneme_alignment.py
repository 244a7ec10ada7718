"""Finds the phonemes of each written word. Pure.

A phonemiser returns a string of phonemes for a sentence, in groups between spaces. A group is not always a word: the
phonemiser joins "of the", and gives four groups for "2024". If there are as many groups as words, and each word alone
gives one group, the groups are the words. Otherwise we compare the phonemes of each word spoken alone with those of the
sentence. A word begins where its first phoneme is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_MIN_LIKENESS = 0.5  # below this, the comparison has not found the words
_SNAP_PHONES = 3  # a word whose start is not exact is moved to the start of a group, if that is this close

Span = tuple[int, int]


def align_words(phonemes: Sequence[str], words: Sequence[Sequence[str]]) -> tuple[list[Span], bool]:
    """A span [first, last) of `phonemes` for each of `words`, in order, without overlap, and whether the spans are
    reliable.

    phonemes: of the text, one symbol each, with spaces between groups. words: the phonemes of each word spoken on its
    own. Spans may be empty if there are fewer phones (sounds) than words.
    """
    groups = _groups(phonemes)
    if not groups or not words:
        return [(0, 0)] * len(words), not words
    if len(groups) == len(words) and all(len(_groups(word)) == 1 for word in words):
        return groups, True
    phones = [place for place, phoneme in enumerate(phonemes) if _is_phone(phoneme)]
    alone = [[phoneme for phoneme in word if _is_phone(phoneme)] for word in words]
    heard = [phonemes[place] for place in phones]
    matcher = SequenceMatcher(None, [phone for word in alone for phone in word], heard, autojunk=False)
    starts = _word_starts(matcher, [len(word) for word in alone], _group_starts(groups, phones))
    spans = _spans(starts, phones, groups)
    return spans, matcher.ratio() >= _MIN_LIKENESS


def _is_phone(phoneme: str) -> bool:
    """Whether `phoneme` is a sound: not a space, punctuation, or a mark of stress, length or palatalisation."""
    return phoneme.isalpha() and phoneme not in "ˈˌːʲ"


def _groups(phonemes: Sequence[str]) -> list[Span]:
    """The runs between spaces that contain a sound, each up to its last sound (and the length mark of that sound)."""
    groups: list[Span] = []
    start = 0
    for place in range(len(phonemes) + 1):
        if place == len(phonemes) or phonemes[place] == " ":
            sounds = [i for i in range(start, place) if _is_phone(phonemes[i])]
            if sounds:
                end = sounds[-1] + 1
                groups.append((start, end + (end < place and phonemes[end] == "ː")))
            start = place + 1
    return groups


def _group_starts(groups: Sequence[Span], phones: Sequence[int]) -> list[int]:
    """For each group, the number of its first phone."""
    return [next(number for number, place in enumerate(phones) if place >= start) for start, _ in groups]


def _word_starts(matcher: SequenceMatcher[str], lengths: Sequence[int], group_starts: Sequence[int]) -> list[int]:
    """For each word, the number of its first phone. The numbers never decrease."""
    starts: list[int] = []
    expected = 0
    for length in lengths:
        heard, is_exact = _heard_at(matcher, expected)
        if not is_exact:
            free = [start for start in group_starts if start not in starts and abs(start - heard) <= _SNAP_PHONES]
            heard = min(free, key=lambda start: abs(start - heard), default=heard)
        starts.append(max(round(heard), starts[-1] if starts else 0))
        expected += length
    return starts


def _heard_at(matcher: SequenceMatcher[str], expected: int) -> tuple[float, bool]:
    """The place of the words' phone number `expected` among the sentence's phones, and whether the place is exact.
    Where the two sequences differ, it is exact only for the first phone of the difference."""
    heard_end = 0
    for kind, begin, end, heard_begin, heard_end in matcher.get_opcodes():
        if begin <= expected < end:
            share = (expected - begin) / (end - begin)
            return heard_begin + share * (heard_end - heard_begin), kind == "equal" or expected == begin
    return heard_end, False


def _spans(starts: Sequence[int], phones: Sequence[int], groups: Sequence[Span]) -> list[Span]:
    """Word starts (numbers of phones) as spans of phonemes. A word ends where the next word begins or, if that is
    earlier, with the last group that begins before the next word."""
    stress_first = {next(p for p in phones if p >= start): start for start, _ in groups}
    places = [stress_first.get(phones[n], phones[n]) if n < len(phones) else phones[-1] + 1 for n in starts]
    spans = []
    for place, following in zip(places, [*places[1:], groups[-1][1]], strict=True):
        end = max((min(end, following) for start, end in groups if start < following), default=place)
        spans.append((place, max(place, end)))
    return spans
