"""Keeps the audio that nobody hears while recognition is unavailable. Pure.

Why there is a second copy beside `RecentAudio`: docs/adr/0043-audio-that-nobody-hears.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio import RoughVoice

# Audio kept from before an utterance: `RoughVoice` notices a soft beginning late.
LEAD_S = 2.0
# The most audio kept of an utterance, 640 kB at 16 kHz: more than a sentence takes.
UTTERANCE_S = 20.0


class UnheardAudio:
    """Keeps the current utterance, so that recognition gets it if recognition comes back before the utterance ends.

    If the utterance ends first, its audio is dropped, and the learner is told that nobody heard it.
    """

    def __init__(self, window_samples: int, rate_hz: int) -> None:
        self._voice = RoughVoice(window_samples)
        self._rate_hz = rate_hz
        self._pieces: deque[bytes] = deque()
        self._samples = 0

    def add(self, pcm: bytes) -> bool:
        """Keep more audio, 16-bit mono. Returns whether an utterance has ended in it."""
        self._pieces.append(pcm)
        self._samples += len(pcm) // BYTES_PER_SAMPLE
        if has_ended := self._voice.add(pcm):
            self.drop()
        most_s = UTTERANCE_S if self._voice.goes_on else LEAD_S
        while self._pieces and self._samples - len(self._pieces[0]) // BYTES_PER_SAMPLE >= most_s * self._rate_hz:
            self._samples -= len(self._pieces.popleft()) // BYTES_PER_SAMPLE
        return has_ended

    def pieces(self) -> Sequence[bytes]:
        """The kept audio, as it was added."""
        return tuple(self._pieces)

    def drop(self) -> None:
        """Forget the kept audio."""
        self._pieces.clear()
        self._samples = 0
