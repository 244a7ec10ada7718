"""Decides which audio may wait for more, so that fewer messages go to recognition. Pure: PCM in, PCM out.

Recognition listens in windows of VOICE_WINDOW_S, and a message for each window costs more CPU than its content. Most
windows say nothing new. While a voice goes on, neither a loud window nor a single quiet one is a pause. While nobody
speaks, a quiet window is not a voice. Each of these windows waits for the next one. Any other window goes at once,
together with those that have waited, and so does the last window that fits into a message. Without this the gateway
takes 1.4 to 1.9 times as much CPU (docs/adr/0027-less-machinery.md).

The gateway has its own thresholds. They decide when a message goes, never how recognition hears it. A test with
recognition's own endpointing shows that no pause is held back.
"""

from __future__ import annotations

import enum
import math

from common.pcm import BYTES_PER_SAMPLE

SPEAKING_WINDOWS, SILENT_WINDOWS = 6, 12
"""The most windows in one message while somebody speaks, and while nobody speaks. So a caption may come five windows
late. A voice that is hardly louder than the room may reach recognition eleven windows late."""
_QUIET = 0.32  # times the level of the recent loudest window, that is 10 dB below it: a voice may have stopped
_LOUD = 2.0  # times the floor, that is 6 dB above it: softer sound may be only the noise of the room
_FADE = 0.97  # for each window: the level of the recent loudest falls by 8 dB in a second
_RISE = 1.06  # for each window: the floor, which is the recent quietest level, rises by at most 16 dB in a second
_LEAST_FLOOR = 30.0  # of 65,535: a microphone's own noise is softer than that


class Expected(enum.Enum):
    """What the next window may show, given recognition's last event."""

    VOICE = enum.auto()  # nobody speaks
    PAUSE = enum.auto()  # somebody speaks
    ANYTHING = enum.auto()  # each window matters


class Gathering:
    """Gathers one stream of 16-bit little-endian mono PCM.

    `expected` may be changed at any time, and so may `most_windows`, which lowers the limit for one message.
    """

    def __init__(self, window_samples: int) -> None:
        self.expected = Expected.ANYTHING
        self.most_windows = math.inf
        self._window_bytes = window_samples * BYTES_PER_SAMPLE
        self._held = bytearray()
        self._window = bytearray()  # the beginning of an incomplete window; it may have been sent already
        self._waiting = 0  # the number of complete windows that wait
        self._loudest = 0.0
        self._floor = math.inf
        self._was_quiet = False  # whether the latest complete window was quiet

    @property
    def missing_bytes(self) -> int:
        """How many more bytes must come before they can matter.

        Part of a window tells nothing. While somebody speaks, the window after a loud one tells nothing either. While
        nobody speaks, the result is always two windows: an exact count costs more than noticing a voice one window
        later.
        """
        if self.expected is Expected.VOICE:
            return 2 * self._window_bytes
        is_loud = self.expected is Expected.PAUSE and not self._was_quiet
        windows = 2 if is_loud and self._waiting + 2 <= min(SPEAKING_WINDOWS, self.most_windows) else 1
        return windows * self._window_bytes - len(self._window)

    def add(self, pcm: bytes) -> bytes:
        """Take `pcm`, cut between any two samples. Returns the audio to send now: all the waiting audio, or nothing."""
        self._held += pcm
        self._window += pcm
        is_due = False
        while len(self._window) >= self._window_bytes:
            self._waiting += 1
            is_due |= self._take_window(self._window[: self._window_bytes])
            del self._window[: self._window_bytes]
        return self.rest() if is_due else b""

    def rest(self) -> bytes:
        """All the waiting audio."""
        rest, self._held, self._waiting = bytes(self._held), bytearray(), 0
        return rest

    def _take_window(self, window: bytearray) -> bool:
        level = swing(window)
        self._loudest = max(level, self._loudest * _FADE)
        self._floor = max(_LEAST_FLOOR, min(level, self._floor * _RISE))
        is_like_room = level <= self._floor * _LOUD
        is_nearer_to_room = level * level < self._floor * self._loudest  # than to the loudest, in decibels
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


def swing(window: bytearray) -> int:
    """The difference between the highest and the lowest of every 32nd sample. For so few samples, numpy would be
    slower."""
    samples = memoryview(window).cast("h")[::32].tolist()
    return max(samples) - min(samples)
