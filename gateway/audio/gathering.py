"""Which of the learner's audio may wait for more, so that fewer messages go to recognition. Pure: PCM in, PCM out.

Recognition hears in windows, and a message for each costs more than what is in it. Most windows say nothing new: one as
loud as those before it is no pause, nor is a quiet one by itself, and one as quiet is no voice that begins. Such a one
waits for the next; the others go at once, with what has waited.
"""

from __future__ import annotations

import enum
import math

from common.pcm import BYTES_PER_SAMPLE

SPEAKING_WINDOWS, SILENT_WINDOWS = 6, 12
"""So many windows go as one message at most. A caption may come later by five, and what is no louder than the room by
eleven.
"""
_QUIET = 0.32  # of the loudest of late, that is 10 dB quieter: a voice may have stopped
_LOUD = 2.0  # times the floor, 6 dB louder: up to here it may be the room alone
_FADE = 0.97  # the loudest of late is forgotten by 8 dB in a second,
_RISE = 1.06  # and the floor, which is the quietest of late, follows a louder room by 16
_LEAST_FLOOR = 30.0  # of 65,535: a microphone's own noise is no voice


class Expected(enum.Enum):
    """What the next window may show; recognition knows."""

    VOICE = enum.auto()  # nobody speaks
    PAUSE = enum.auto()  # somebody speaks
    ANYTHING = enum.auto()  # each window decides something


class Gathering:
    """Of one stream of 16-bit little-endian mono PCM. `expected` may be changed at any time, as may `most_windows`: so
    many may go at once, though there would be no harm in more.
    """

    def __init__(self, window_samples: int) -> None:
        self.expected = Expected.ANYTHING
        self.most_windows = math.inf
        self._window_bytes = window_samples * BYTES_PER_SAMPLE
        self._held = bytearray()
        self._window = bytearray()  # what there is of the one that is not yet whole; its begin may have gone
        self._waiting = 0  # whole windows
        self._loudest = 0.0
        self._floor = math.inf
        self._was_quiet = False  # the window before

    @property
    def missing_bytes(self) -> int:
        """So much is to come before it is of use to anyone: a window that is begun tells nothing, nor, while somebody
        speaks, does the one after a loud one. While nobody speaks always the same, two windows, as to count costs more
        than a voice that is noticed a little later.
        """
        if self.expected is Expected.VOICE:
            return 2 * self._window_bytes
        is_loud = self.expected is Expected.PAUSE and not self._was_quiet
        windows = 2 if is_loud and self._waiting + 2 <= min(SPEAKING_WINDOWS, self.most_windows) else 1
        return windows * self._window_bytes - len(self._window)

    def add(self, pcm: bytes) -> bytes:
        """What is to go now that `pcm`, cut between any two samples, has come: all that there is, or nothing."""
        self._held += pcm
        self._window += pcm
        is_due = False
        while len(self._window) >= self._window_bytes:
            self._waiting += 1
            is_due |= self._matters(self._window[: self._window_bytes])
            del self._window[: self._window_bytes]
        return self.rest() if is_due else b""

    def rest(self) -> bytes:
        """All that has waited."""
        rest, self._held, self._waiting = bytes(self._held), bytearray(), 0
        return rest

    def _matters(self, window: bytearray) -> bool:
        level = _swing(window)
        self._loudest = max(level, self._loudest * _FADE)
        self._floor = max(_LEAST_FLOOR, min(level, self._floor * _RISE))
        is_like_room = level <= self._floor * _LOUD
        is_nearer_to_room = level * level < self._floor * self._loudest  # in decibels
        is_quiet = is_like_room or (is_nearer_to_room and level < self._loudest * _QUIET)
        was_quiet, self._was_quiet = self._was_quiet, is_quiet
        if self._waiting >= self.most_windows:
            return True
        match self.expected:
            case Expected.VOICE:
                return not is_like_room or self._waiting >= SILENT_WINDOWS
            case Expected.PAUSE:
                return (is_quiet and was_quiet) or self._waiting >= SPEAKING_WINDOWS
            case Expected.ANYTHING:
                return True


def _swing(window: bytearray) -> int:
    """From the lowest to the highest sample, as far as every 32nd shows; for so few numpy takes longer."""
    samples = memoryview(window).cast("h")[::32].tolist()
    return max(samples) - min(samples)
