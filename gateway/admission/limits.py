"""What one client may ask of a gateway: so many connections at once, so many messages and bytes a second on each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import ServiceError

BURST_S = 10.0  # so much of the rate may come at once: what was said while the connection was away


class TooMuchError(ServiceError):
    """More than a client may."""

    code = "too_much"
    retryable = True


@dataclass
class Bucket:
    """A token bucket: `rate` a second, BURST_S seconds' worth of it at once."""

    rate: float
    now: Callable[[], float] = time.monotonic
    _empty_at_s: float = field(init=False)  # at what moment there was, or will be, just nothing in it

    def __post_init__(self) -> None:
        self._empty_at_s = self.now() - BURST_S

    def take(self, amount: float) -> bool:
        """False: that is more than there is."""
        now = self.now()
        self._empty_at_s = max(self._empty_at_s, now - BURST_S) + amount / self.rate
        return self._empty_at_s <= now


@dataclass
class Allowance:
    """Of one connection."""

    messages: Bucket
    data: Bucket

    def allows(self, messages: int, size: int) -> bool:
        """As `take`, of so many messages, of `size` bytes together; False: then `take` raises."""
        return self.messages.take(messages) and self.data.take(size)

    def take(self, size: int) -> None:
        """For a message of `size` bytes. Raises TooMuchError."""
        if not self.messages.take(1):
            raise TooMuchError(f"more than {self.messages.rate:g} messages a second; send larger ones, less often")
        if not self.data.take(size):
            raise TooMuchError(f"more than {self.data.rate:g} bytes a second; send audio as it is recorded, or Opus")


class Limits:
    """Of one gateway: each counts for itself."""

    def __init__(self, *, connections: int, messages_per_s: float, bytes_per_s: float) -> None:
        self._connections = connections
        self._messages_per_s = messages_per_s
        self._bytes_per_s = bytes_per_s
        self._open: Counter[str] = Counter()

    @contextmanager
    def connection(self, client: str) -> Iterator[Allowance]:
        """One more connection of this client, for the length of the block. Raises TooMuchError."""
        if self._open[client] >= self._connections:
            raise TooMuchError(f"more than {self._connections} connections at once; close one first")
        self._open[client] += 1
        try:
            yield Allowance(Bucket(self._messages_per_s), Bucket(self._bytes_per_s))
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
