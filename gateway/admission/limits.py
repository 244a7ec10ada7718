"""Limits for each client: connections at once, and messages and bytes per second on each connection."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import ServiceError

BURST_S = 10.0  # the amount for this many seconds may come at once, as after an interrupted connection


class TooMuchError(ServiceError):
    """The client exceeds a limit."""

    code = "too_much"
    retryable = True


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
        """Take `amount` if the bucket holds as much. Returns whether it did."""
        now = self.now()
        self._empty_at_s = max(self._empty_at_s, now - BURST_S) + amount / self.rate
        return self._empty_at_s <= now


@dataclass
class Allowance:
    """How much one connection may still send."""

    messages: Bucket
    data: Bucket

    def take(self, size: int) -> None:
        """Count a message of `size` bytes. Raises TooMuchError."""
        if not self.messages.take(1):
            raise TooMuchError(f"more than {self.messages.rate:g} messages a second; send larger ones, less often")
        if not self.data.take(size):
            raise TooMuchError(f"more than {self.data.rate:g} bytes a second; send audio as it is recorded, or Opus")


class Limits:
    """The limits at one gateway. Gateways don't share their counts."""

    def __init__(self, *, connections: int, messages_per_s: float, bytes_per_s: float) -> None:
        self._connections = connections
        self._messages_per_s = messages_per_s
        self._bytes_per_s = bytes_per_s
        self._open: Counter[str] = Counter()

    @contextmanager
    def connection(self, client: str) -> Iterator[Allowance]:
        """Count one more connection of this client within the block. Raises TooMuchError."""
        if self._open[client] >= self._connections:
            raise TooMuchError(f"more than {self._connections} connections at once; close one first")
        self._open[client] += 1
        try:
            yield Allowance(Bucket(self._messages_per_s), Bucket(self._bytes_per_s))
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
