"""Limits for each client: connections at once and per minute, time per day, and what each connection may send.

Connections and time are counted for all gateways, in Redis. What one connection sends is counted by its gateway. While
Redis can't be reached, each gateway counts alone.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from common.bucket import Bucket
from common.errors import ServiceError, UnavailableError
from gateway import metrics
from gateway.admission.daily_time import DailyTime
from gateway.admission.redis_limits import Beat, SharedLimits
from gateway.admission.redis_seats import BEAT_S

logger = logging.getLogger(__name__)


STORED_PER_MIN = 1200
"""How many requests that make the gateway store something one client may send per minute. A learner may keep 1,000
words, with a request for each, and all of these may come at once."""


class TooMuchError(ServiceError):
    """The client exceeds a limit."""

    code = "too_much"
    retryable = True


@dataclass
class Allowance:
    """How much one connection may still send, and how long its client may converse. client: its name."""

    messages: Bucket
    data: Bucket
    time: DailyTime = field(default_factory=lambda: DailyTime(0))
    client: str = ""

    def take_at_once(self, count: int, size: int) -> bool:
        """Count `count` messages of `size` bytes in all. Returns False, and counts nothing, if `take` might raise for
        one of them."""
        if self.messages.left < count or self.data.left < size:
            return False
        return self.messages.take(count) and self.data.take(size)

    def take(self, size: int) -> None:
        """Count a message of `size` bytes. Raises TooMuchError."""
        if not self.messages.take(1):
            metrics.CLIENT_LIMITS.labels("messages").inc()
            raise TooMuchError(f"more than {self.messages.rate:g} messages a second; send larger ones, less often")
        if not self.data.take(size):
            metrics.CLIENT_LIMITS.labels("bytes").inc()
            raise TooMuchError(
                f"more than {self.data.rate:g} bytes a second; send audio no faster than it is recorded, or send Opus"
            )


@dataclass
class _ClientUse:
    """One client at this gateway. time: includes what it has used at other gateways."""

    time: DailyTime
    connections: set[str] = field(default_factory=set)


class Limits:
    """The limits at one gateway. `run` it as a task for as long as the gateway serves.

    connections: how many a client may have open at once, at all gateways together. per_minute: WebSockets that it may
    open per minute; 0: any number. daily_s: seconds in conversations per day; 0: any number.
    """

    def __init__(
        self,
        shared: SharedLimits,
        *,
        connections: int,
        per_minute: int = 0,
        messages_per_s: float,
        bytes_per_s: float,
        daily_s: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._connections = connections
        self._per_minute = per_minute
        self._messages_per_s = messages_per_s
        self._bytes_per_s = bytes_per_s
        self._daily_s = daily_s
        self._now = now
        self._clients: dict[str, _ClientUse] = {}
        self._is_away = False
        self._minute, self._opened = -1, Counter[tuple[str, bool]]()  # connections opened here in the current minute

    @asynccontextmanager
    async def connection(
        self, name: str, *, is_request: bool = False, stores: bool = False
    ) -> AsyncIterator[Allowance]:
        """Count one more connection of this client within the block. Raises TooMuchError.

        is_request: it is an HTTP request. The number of HTTP requests per minute is limited only for those that make
        the gateway store something (stores).
        """
        per_minute = STORED_PER_MIN if stores else 0 if is_request else self._per_minute
        if per_minute and self._opened_here(name, stores) > per_minute:
            raise self._too_many_opened(stores)
        client = self._clients.setdefault(name, _ClientUse(DailyTime(self._daily_s, now=self._now)))
        if len(client.connections) >= self._connections:
            raise self._too_many_open()
        connection = secrets.token_hex(8)
        client.connections.add(connection)
        try:
            await self._enter(name, client, connection, per_minute, stores)
            messages, data = Bucket(self._messages_per_s, self._now), Bucket(self._bytes_per_s, self._now)
            yield Allowance(messages, data, client.time, name)
        finally:
            client.connections.discard(connection)
            await self._leave(name, connection)

    async def run(self) -> None:
        """Report to the other gateways what the clients do here, until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            await self.beat()

    async def beat(self) -> None:
        """Report once."""
        beats = [Beat(name, tuple(one.connections), one.time.unreported_s) for name, one in self._clients.items()]
        if not (beats or self._is_away):
            return
        try:
            used_s = await self._shared.beat(beats)
        except UnavailableError as error:
            self._lose(error)
            return
        if self._is_away:
            logger.info("clients are counted across gateways again")
        self._is_away = False
        metrics.CLIENT_LIMITS_SHARED.set(1)
        for beat, used in zip(beats, used_s, strict=True):
            if client := self._clients.get(beat.client):  # it may have left meanwhile
                client.time.report(used, sent_s=beat.used_s)
                self._forget(beat.client)

    async def _enter(self, name: str, client: _ClientUse, connection: str, per_minute: int, stores: bool) -> None:
        if self._is_away:
            return
        try:
            entry = await self._shared.enter(
                name, connection, most=self._connections, per_minute=per_minute, stores=stores
            )
        except UnavailableError as error:
            self._lose(error)
            return
        if entry.too_many_open:
            raise self._too_many_open()
        if entry.too_many_opened:
            raise self._too_many_opened(stores)
        client.time.report(entry.used_s)

    async def _leave(self, name: str, connection: str) -> None:
        self._forget(name)
        if self._is_away:
            return  # the lease lapses by itself
        try:
            await self._shared.leave(name, connection)
        except UnavailableError as error:
            self._lose(error)

    def _forget(self, name: str) -> None:
        """Forget a client that has left, if the other gateways already know its time."""
        client = self._clients.get(name)
        if client and not client.connections and client.time.unreported_s < 0.001:
            del self._clients[name]

    def _opened_here(self, name: str, stores: bool) -> int:
        """Count one more connection. Returns how many the client has opened at this gateway in this minute."""
        if (minute := int(self._now() // 60)) != self._minute:
            self._minute, self._opened = minute, Counter()
        self._opened[name, stores] += 1
        return self._opened[name, stores]

    def _too_many_opened(self, stores: bool) -> TooMuchError:
        metrics.CLIENT_LIMITS.labels("stored" if stores else "openings").inc()
        if stores:
            return TooMuchError(
                f"more than {STORED_PER_MIN} requests that store something within a minute; wait a minute"
            )
        return TooMuchError(f"more than {self._per_minute} connections opened within a minute; wait a minute")

    def _too_many_open(self) -> TooMuchError:
        metrics.CLIENT_LIMITS.labels("connections").inc()
        return TooMuchError(f"more than {self._connections} connections at once; close one first")

    def _lose(self, error: UnavailableError) -> None:
        if not self._is_away:
            logger.warning("clients are counted at this gateway only: %s", error.message)
        self._is_away = True
        metrics.CLIENT_LIMITS_SHARED.set(0)
