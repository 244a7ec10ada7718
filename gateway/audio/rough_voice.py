"""Detects utterances by loudness alone, for use while recognition is unavailable. Pure.

Why this is not Silero: docs/adr/0043-audio-that-nobody-hears.md.
"""

from __future__ import annotations

from common.pcm import BYTES_PER_SAMPLE
from gateway.audio.gathering import swing

_LOUD = 4.0  # times the floor: 12 dB above it
_LEAST_SWING = 600  # of 65,535: softer sounds are background noise
_RISE = 1.02  # for each window: the floor, which is the recent quietest level, rises by at most 5 dB in a second
_VOICE_WINDOWS = 8  # an utterance has at least this many loud windows: a quarter of a second
_PAUSE_WINDOWS = 22  # this many quiet windows in a row end it: 0.7 s


class RoughVoice:
    """Detects one learner's utterances in 16-bit little-endian mono PCM, which may be cut between any two samples.

    It may begin in the middle of an utterance. So loud sound at the beginning counts as the rest of an utterance,
    however short it is.
    """

    def __init__(self, window_samples: int) -> None:
        self._window_bytes = window_samples * BYTES_PER_SAMPLE
        self._held = bytearray()
        self._floor = float(_LEAST_SWING)
        self._loud = _VOICE_WINDOWS - 1  # loud windows of the utterance
        self._quiet = 0  # quiet windows since the last loud one

    @property
    def goes_on(self) -> bool:
        """Whether an utterance may be going on."""
        return self._loud > 0

    def add(self, pcm: bytes) -> bool:
        """Take the next audio. Returns whether an utterance has ended in it."""
        self._held += pcm
        ended = False
        while len(self._held) >= self._window_bytes:
            ended |= self._take_window(swing(self._held[: self._window_bytes]))
            del self._held[: self._window_bytes]
        return ended

    def _take_window(self, level: int) -> bool:
        self._floor = max(_LEAST_SWING / _LOUD, min(level, self._floor * _RISE))
        if level > _LOUD * self._floor:
            self._loud, self._quiet = self._loud + 1, 0
            return False
        self._quiet += 1
        if self._quiet < _PAUSE_WINDOWS:
            return False
        was_voice, self._loud = self._loud >= _VOICE_WINDOWS, 0
        return was_voice
