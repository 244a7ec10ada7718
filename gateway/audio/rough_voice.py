"""Notices that somebody has said something, by loudness alone: for the time in which recognition is away. Pure."""

from __future__ import annotations

from gateway.audio.gathering import swing

_LOUD = 4.0  # times the floor, which is 12 dB louder
_LEAST_SWING = 600  # of 65,535: softer sounds are the room
_RISE = 1.02  # for each window: the floor, the quietest of late, rises by 5 dB in a second
_VOICE_WINDOWS = 8  # loud ones in an utterance, at least: a quarter of a second
_PAUSE_WINDOWS = 22  # quiet ones that end it: 0.7 s


class RoughVoice:
    """Of one learner. Takes 16-bit little-endian mono PCM, cut between any two samples."""

    def __init__(self, window_samples: int) -> None:
        self._window_bytes = 2 * window_samples
        self._held = bytearray()
        self._floor = float(_LEAST_SWING)
        self._loud = self._quiet = 0  # windows of the utterance; quiet ones since

    def has_spoken(self, pcm: bytes) -> bool:
        """Take `pcm`. Whether an utterance has ended in it."""
        self._held += pcm
        ended = False
        while len(self._held) >= self._window_bytes:
            ended |= self._takes(swing(self._held[: self._window_bytes]))
            del self._held[: self._window_bytes]
        return ended

    def _takes(self, level: int) -> bool:
        self._floor = max(_LEAST_SWING / _LOUD, min(level, self._floor * _RISE))
        if level > _LOUD * self._floor:
            self._loud, self._quiet = self._loud + 1, 0
            return False
        self._quiet += 1
        if self._quiet < _PAUSE_WINDOWS:
            return False
        was_voice, self._loud = self._loud >= _VOICE_WINDOWS, 0
        return was_voice
