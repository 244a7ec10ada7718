"""Fits word times to the silences in the sound. Pure.

A recogniser adds a pause to the words beside it: a word then seems to last a second, and the pause is gone. The sound
shows better where nobody spoke; see `silences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asr_service.engine import Word
from asr_service.recognition.silences import MIN_SILENCE, SilentSpan


def fit_words(words: Sequence[Word], silences: Sequence[SilentSpan]) -> tuple[Word, ...]:
    """The words, in order, with their edges at the silences. Times are samples at 16 kHz, all counted from the same
    moment.

    No word extends into a silence: the word before a silence ends where the silence begins, and the word after it
    begins where the silence ends. The middle of a word decides whether the word is before or after a silence. Where no
    silence was heard, no long gap remains between words.
    """
    starts, ends = [word.start for word in words], [word.end for word in words]
    for silence in silences:
        # how many words are before the silence: the index of the first word after it
        after = sum((word.start + word.end) < sum(silence) for word in words)
        for i in range(after):
            starts[i], ends[i] = min(starts[i], silence.begin), min(ends[i], silence.begin)
        for i in range(after, len(words)):
            starts[i], ends[i] = max(starts[i], silence.end), max(ends[i], silence.end)
        if 0 < after < len(words):
            starts[after] = silence.end
            if not any(ends[after - 1] <= other.begin < silence.begin for other in silences):
                ends[after - 1] = silence.begin
    for i in range(len(words) - 1):
        heard = any(silence.begin >= ends[i] and silence.end <= starts[i + 1] for silence in silences)
        if not heard and starts[i + 1] - ends[i] >= MIN_SILENCE:
            ends[i] = starts[i + 1]
    return tuple(replace(word, start=start, end=end) for word, start, end in zip(words, starts, ends, strict=True))
