"""Finds mispronounced sounds in a sentence that the speaker was to say.

A slip is a phoneme that learners often replace by one of their own language: /θ/ by /s/ ("think" as "sink"), /ɪ/ by
/i/, /v/ by /b/. The phoneme network compares the sound with the sentence, and with the sentence with one slip in one
word. A slip counts if it fits the sound clearly better. `make bench-pronunciation` measures this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from asr_service.audio import Audio
from asr_service.verbatim.ctc import log_likelihoods
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.rewording import plain

LONGEST_WORDS = 60
MARGIN = 3.0
"""How much likelier a sentence with a slip has to be, as a logarithm."""
_AT_ONCE = 64  # versions of the sentence compared at once; bounds the memory


class Slip(NamedTuple):
    """A phoneme, and the one that learners say in its place, in IPA. wrong: empty if they leave it out."""

    right: str
    wrong: str


class FoundSlip(NamedTuple):
    """A slip in a word. word: its number among the words that white space separates. score: how much likelier the
    sentence is with the slip, as a logarithm."""

    word: int
    slip: Slip
    score: float


_TABLE = "θ→s θ→t ð→d ð→z ɪ→i i→ɪ æ→ɛ v→b w→v ɹ→l l→ɹ z→s ʃ→s d͡ʒ→j t͡ʃ→ʃ ʌ→ɑ ʊ→u ŋ→n p→b h→"
SLIPS = tuple(Slip(*pair.split("→")) for pair in _TABLE.split())
"""Slips of learners with many first languages."""


def slipped(phonemes: Sequence[str], slips: Sequence[Slip] = SLIPS) -> Iterator[tuple[Slip, list[str]]]:
    """All versions of a word with one slip at one place."""
    for place, phoneme in enumerate(phonemes):
        for slip in slips:
            if slip.right == phoneme:
                yield slip, [*phonemes[:place], *([slip.wrong] if slip.wrong else ()), *phonemes[place + 1 :]]


class SlipFinder:
    """`find` blocks, so call it in a thread."""

    def __init__(self, phonemes: Phonemes) -> None:
        self._phonemes = phonemes
        self._symbols = {number: symbol for symbol, number in phonemes.numbers.items()}

    def find(self, audio: Audio, sentence: str, margin: float = MARGIN) -> list[FoundSlip]:
        """The likeliest slip of each word, if it fits better by `margin` than the word without it.

        audio: float32 mono at 16 kHz. Returns nothing if the sentence is too long, or has a word that can't be
        pronounced.
        """
        words = [self._spelled(plain(word)) for word in sentence.split()]
        if not 0 < len(words) <= LONGEST_WORDS or not all(words):
            return []
        versions = [
            (place, slip, self._joined([*words[:place], version, *words[place + 1 :]]))
            for place, word in enumerate(words)
            for slip, version in slipped(word)
        ]
        heard = self._phonemes.hear(audio)
        if not versions or not len(heard):
            return []
        (right,) = log_likelihoods(heard, [self._joined(words)], self._phonemes.blank)
        best: dict[int, FoundSlip] = {}
        for begin in range(0, len(versions), _AT_ONCE):
            some = versions[begin : begin + _AT_ONCE]
            likelihoods = log_likelihoods(heard, [sequence for _, _, sequence in some], self._phonemes.blank)
            for (place, slip, _), likelihood in zip(some, likelihoods, strict=True):
                score = float(likelihood - right)
                if score > margin and (place not in best or score > best[place].score):
                    best[place] = FoundSlip(place, slip, score)
        return [best[place] for place in sorted(best)]

    def _spelled(self, word: str) -> list[str]:
        """The word's phonemes; empty if it can't be pronounced."""
        return [self._symbols[number] for number in self._phonemes.of_words([word]) or ()]

    def _joined(self, words: Sequence[Sequence[str]]) -> list[int]:
        numbers = self._phonemes.numbers
        joined: list[int] = []
        for word in words:
            joined += [numbers["<wb>"]] if joined else []
            joined += [numbers[symbol] for symbol in word]
        return joined
