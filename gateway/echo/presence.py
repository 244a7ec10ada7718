"""Decides whether the microphone picks up the partner's voice. A pure state machine that takes the
results of Correlation.

    Unknown ──────a clear peak──────▶ Present
       │                                  │  ▲
       └──quiet, or no peak──▶ Absent ◀───┘  │ a clear peak
                                  └───────────┘

While it is Unknown, audio that may contain an echo is held back (`canceller`), so that the partner's first sound can't
interrupt the partner. Most learners have no echo. That is known after 0.7 s of the partner's voice if the microphone is
quiet. Otherwise it is known after 1.3 s, or after 2 s if the peaks are unclear.

A quiet microphone may also mean that the echo comes late, as from a Bluetooth loudspeaker. So the checks stay frequent
until the latest echo that Correlation can find would have come.
"""

from __future__ import annotations

import enum

_CLEAR = 12.0  # a peak at least this high is an echo; without an echo, peaks reach 11
_UNCLEAR = 8.0  # a quiet microphone stays below this
_UNKNOWN_CHECKS, _MOST_CHECKS = 2, 5  # checks until Absent: if the latest peak is below _UNCLEAR; if not
_DOUBTED_CHECKS = 8  # 2 s, about MAX_DELAY_S + WINDOW_S of Correlation
# after this many checks in a row without even an unclear peak, the echo is gone: the learner has put on headphones
_CHECKS_WITHOUT = 40


class Presence(enum.Enum):
    """What is known about the echo."""

    UNKNOWN = enum.auto()
    PRESENT = enum.auto()
    ABSENT = enum.auto()


_OFTEN_S, _SELDOM_S = 0.25, 2.0  # seconds of the partner's voice between two checks; seldom, if there is surely no echo


class EchoPresence:
    """The state of one session. state: what is known. delay: the echo's delay in samples; None if unknown."""

    def __init__(self) -> None:
        self.state = Presence.UNKNOWN
        self.delay: int | None = None
        self._checks = 0  # checks in this state (if Present: in a row without even an unclear peak)
        self._doubted = 0  # how many more checks until an assumed absence counts as certain

    def is_due(self, played_s: float) -> bool:
        """Whether to check again, `played_s` of the partner's voice after the last time."""
        is_sure = self.state is Presence.ABSENT and not self._doubted
        return played_s >= (_SELDOM_S if is_sure else _OFTEN_S)

    def begin_check(self) -> None:
        """Note that a check begins, even if it gives no result."""
        self._doubted = max(0, self._doubted - 1)

    def check(self, certainty: float, delay: int) -> None:
        """Take a result of Correlation."""
        self._checks += 1
        if certainty >= _CLEAR:
            self.state, self.delay, self._checks = Presence.PRESENT, delay, 0
        elif self.state is Presence.PRESENT:
            if certainty >= _UNCLEAR:
                self._checks = 0
            elif self._checks >= _CHECKS_WITHOUT:
                self._become_absent()
        elif self.state is Presence.UNKNOWN:
            needed = _UNKNOWN_CHECKS if certainty < _UNCLEAR else _MOST_CHECKS
            if self._checks >= needed:
                self._become_absent()

    def assume_none(self) -> None:
        """The microphone was quiet although an echo would have been heard, or no check gave a result for too long."""
        if self.state is Presence.UNKNOWN:
            self._become_absent()
            self._doubted = _DOUBTED_CHECKS

    def _become_absent(self) -> None:
        self.state, self.delay, self._checks, self._doubted = Presence.ABSENT, None, 0, 0
