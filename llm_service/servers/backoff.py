"""How long to wait before trying again: longer after each failure, from the beginning after a time without any."""

from __future__ import annotations

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STABLE_AFTER_S = 60.0  # what worked for so long may be tried again without a long pause


class Backoff:
    """Pauses of 0.5, 1, 2, … 30 s."""

    def __init__(self) -> None:
        self.failures = 0

    def next_pause_s(self, worked_for_s: float) -> float:
        """The pause after one more failure; `worked_for_s`: how long it had worked before, 0 if it never did."""
        self.failures = 1 if worked_for_s >= STABLE_AFTER_S else self.failures + 1
        exponent = min(self.failures - 1, 16)  # or a float overflows after some days
        return float(min(FIRST_PAUSE_S * 2**exponent, LONGEST_PAUSE_S))
