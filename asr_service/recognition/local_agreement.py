"""Partial transcripts whose beginning never changes: LocalAgreement. Pure: hypotheses in, texts out.

A model that hears a growing utterance keeps rewriting the end of its transcript. The beginning on which two successive
decodes agree is taken as final.

LocalAgreement-2 is from Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation
by Partial Hypothesis Selection", Interspeech 2020; Macháček, Dabre and Bojar applied it to Whisper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from asr_service.engine import Word


@dataclass(frozen=True, slots=True)
class PartialText:
    """`stable` only grows within a turn. `unstable` follows it directly, with a leading blank if one belongs there."""

    stable: str
    unstable: str


class LocalAgreement:
    """The partials of one turn. Word times are samples of the stream at 16 kHz.

    agreed: the stable words. agreed_end: where they end; later hypotheses need not cover the audio before it.
    """

    def __init__(self) -> None:
        self.agreed_end = 0
        self.agreed: tuple[Word, ...] = ()
        self._previous: Sequence[Word] = ()

    def add(self, hypothesis: Sequence[Word]) -> PartialText:
        """The partial after one more decode, whose words are `hypothesis`."""
        fresh = [word for word in hypothesis if self._is_new(word)]
        earlier = [word for word in self._previous if self._is_new(word)]
        pairs = takewhile(lambda pair: _same(*pair), zip(fresh, earlier, strict=False))
        agreed = [word for word, _ in pairs]
        if agreed:
            self.agreed += tuple(agreed)
            self.agreed_end = max(self.agreed_end, agreed[-1].end)
        self._previous = fresh[len(agreed) :]
        unstable = "".join(word.text for word in self._previous)
        stable = "".join(word.text for word in self.agreed).lstrip()
        return PartialText(stable, unstable if stable else unstable.lstrip())

    def completed_by(self, hypothesis: Sequence[Word]) -> tuple[Word, ...]:
        """The stable words, and the words of a decode that come after them."""
        return (*self.agreed, *(word for word in hypothesis if self._is_new(word)))

    def _is_new(self, word: Word) -> bool:
        return (word.start + word.end) / 2 > self.agreed_end


def _same(one: Word, other: Word) -> bool:
    return _letters(one.text) == _letters(other.text)


def _letters(text: str) -> str:
    """Letters and digits only, because two decodes often differ only in capitals and commas."""
    return "".join(c for c in text.casefold() if c.isalnum()) or text.strip()
