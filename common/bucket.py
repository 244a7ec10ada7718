"""A token bucket: how much may come per second, and at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

BURST_S = 10.0  # what is allowed in this many seconds may also come at once, for example after an interruption


@dataclass
class Bucket:
    """A token bucket: `rate` per second on average, BURST_S × `rate` at once. now: a clock in seconds."""

    rate: float
    now: Callable[[], float] = time.monotonic
    _empty_at_s: float = field(init=False)  # when the bucket was, or will be, exactly empty

    def __post_init__(self) -> None:
        self._empty_at_s = self.now() - BURST_S

    @property
    def left(self) -> float:
        """The amount that could be taken now."""
        return max(0.0, min(BURST_S, self.now() - self._empty_at_s)) * self.rate

    def take(self, amount: float) -> bool:
        """Take `amount`. Returns False if the bucket held less; it then owes the difference."""
        now = self.now()
        self._empty_at_s = max(self._empty_at_s, now - BURST_S) + amount / self.rate
        return self._empty_at_s <= now
