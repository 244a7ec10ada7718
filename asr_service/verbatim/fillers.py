"""Hesitation sounds that were said: "um" and "uh".

Recognition leaves these sounds out, unless the text before the turn contains some. So the turn is decoded once more,
with such a text (`PROMPT`) before it. Only the hesitation sounds of the second transcript are used. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from asr_service.engine import Word
from asr_service.verbatim.rewording import plain

PROMPT = "Um, I, uh, I goed to the, um, the shop and, uh, she buy a apples. Um, so, uh, peoples likes it."
"""How learners speak."""
_SOUNDS = frozenset(("um", "uh", "er", "erm", "uhm", "hmm", "mm", "ah"))


def with_fillers(words: Sequence[Word], prompted: Sequence[Word]) -> tuple[Word, ...]:
    """`words` with the hesitation sounds of `prompted`, the words of the second decode of the same audio."""
    own, other = [[plain(word.text) for word in each] for each in (words, prompted)]
    found = list(words)
    matcher = SequenceMatcher(None, own, other, autojunk=False)
    for tag, start, _, other_start, other_end in reversed(matcher.get_opcodes()):
        if tag in ("insert", "replace") and not _SOUNDS.intersection(own[start : start + 1]):
            sounds = [word for word in prompted[other_start:other_end] if plain(word.text) in _SOUNDS]
            found[start:start] = [_fitted(sound, found, start) for sound in sounds]
    return tuple(found)


def _fitted(sound: Word, words: Sequence[Word], place: int) -> Word:
    """The sound between the words at `place` - 1 and `place`, with a comma; in lower case unless it comes first."""
    earliest = words[place - 1].end if place else 0
    latest = words[place].start if place < len(words) else sound.end
    begin = min(max(sound.start, earliest), max(earliest, latest))
    text = plain(sound.text) if place else plain(sound.text).capitalize()
    return Word(f" {text},", begin, max(begin, min(sound.end, latest)), sound.confidence)
