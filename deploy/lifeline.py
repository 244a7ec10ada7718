"""Decides what to do when a process of `make run` ends or no longer answers. Pure: the caller carries it out.

start ──► serves ──► ends, or is silent for too long ──► pause ──► start …
 └── ends by itself before it has ever served ──► given up, because it can't start at all
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum

from common.backoff import Backoff

CHECK_EVERY_S = 5.0
HANGS_AFTER_S = 15.0
LOADING_HANGS_AFTER_S = 300.0
SILENCES = 2  # a single unanswered check may only mean that this machine was suspended, as virtual machines can be
FIRST_STARTS = 3


class Sign(Enum):
    """The result of a health check: the process serves, it only answers (its model is loading), or neither."""

    SERVES = "serves"
    ANSWERS = "answers"
    SILENT = "silent"


@dataclass(frozen=True)
class StartAgain:
    """Start the process again after a pause."""

    pause_s: float


@dataclass(frozen=True)
class GiveUp:
    """The process can't start at all."""


class Lifeline:
    """The life of one process of the mesh, over all its runs. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._backoff = Backoff()
        self._runs = 0
        self._has_served = False
        self._serves_since: float | None = None  # None until it serves in the present run
        self._last_answer = 0.0
        self._silences = 0  # unanswered health checks in a row

    @property
    def serves(self) -> bool:
        """Whether it has served in this run."""
        return self._serves_since is not None

    def started(self, now: float) -> None:
        """A run begins."""
        self._runs += 1
        self._last_answer, self._silences = now, 0
        self._serves_since = None

    def seen(self, sign: Sign, now: float) -> bool:
        """Note the result of a health check. Returns whether the process hangs and must be replaced.

        A process that loads its model may be silent for long: importing a large library can block it.
        """
        if sign is Sign.SILENT:
            self._silences += 1
        else:
            self._silences, self._last_answer = 0, now
        if sign is Sign.SERVES and self._serves_since is None:
            self._serves_since = now
            self._has_served = True
        limit = HANGS_AFTER_S if self.serves else LOADING_HANGS_AFTER_S
        return self._silences >= SILENCES and now - self._last_answer >= limit

    def ended(self, status: int, now: float, *, says_why: bool = False) -> StartAgain | GiveUp:
        """The run is over. status: the exit status; negative: the signal that ended the process. says_why: whether the
        process wrote that it can't start.

        A process that ends by itself before it has ever served is given up, because another try would end in the same
        way. If a signal ended it, it gets three tries. A process that says in its first run why it can't start is given
        up even if its health checks succeeded, because another program has its port and answered them.
        """
        pause_s = self._backoff.next_pause_s(now - self._serves_since if self._serves_since is not None else 0.0)
        if says_why and self._runs == 1:
            return GiveUp()
        if self._has_served:
            return StartAgain(pause_s)
        if status >= 0 or self._backoff.failures >= FIRST_STARTS:
            return GiveUp()
        return StartAgain(pause_s)


def how(status: int) -> str:
    """An exit status in words. A negative status is the signal."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
