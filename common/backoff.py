"""How long to wait before trying again after a failure, for the four processes and `make run`.

The client packages can't import this module and have pauses of their own. For gRPC's channels and for
Redis, the pauses of their libraries are used.
"""

from __future__ import annotations

import random

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STABLE_AFTER_S = 60.0


class Backoff:
    """Pauses that double after each failure. The default, 0.5, 1, 2, … 30 s, suits watching a server.

    at_once: the first retry comes without a pause. jitter: each pause is lengthened by a random share of at most this
    much, so that many clients of one server don't all come back at once.
    """

    def __init__(
        self,
        first_s: float = FIRST_PAUSE_S,
        longest_s: float = LONGEST_PAUSE_S,
        *,
        at_once: bool = False,
        jitter: float = 0.0,
    ) -> None:
        self.failures = 0
        self._first_s = first_s
        self._longest_s = longest_s
        self._at_once = at_once
        self._jitter = jitter

    def next_pause_s(self, worked_for_s: float = 0.0) -> float:
        """The pause after one more failure, in seconds.

        worked_for_s: how long everything had worked before the failure. If that is at least STABLE_AFTER_S, the
        failure counts as the first.
        """
        if worked_for_s >= STABLE_AFTER_S:
            self.reset()
        self.failures += 1
        doublings = self.failures - (2 if self._at_once else 1)
        if doublings < 0:
            return 0.0
        pause_s = min(self._first_s * 2.0 ** min(doublings, 32), self._longest_s)  # 32: no overflow after some days
        return pause_s * (1 + self._jitter * random.random())  # noqa: S311

    def reset(self) -> None:
        """Note a success: the next failure counts as the first."""
        self.failures = 0
