"""A connection to Redis that copes with restarts, failovers, dropped connections, Sentinel, and many writes at once.

redis://host:6379/0, rediss://…, unix://…               one server; a failover may change which one the host name means
redis+sentinel://host:26379,host2:26379/mymaster/0      the master that these Sentinels name

By default, redis-py 8.1 retries nothing if it is opened by URL, and refuses the 101st simultaneous write. So whenever
the server restarts or closes idle connections, one write on each pooled connection would be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004
)

from common.errors import UnavailableError

TIMEOUT_S = 2.0  # the limit of each wait: for an answer, a new connection, or a free connection of the pool
# The most connections at once. Further writes wait for a free one, but not for long: a write takes a fraction of a
# millisecond.
CONNECTIONS = 50
RETRIES = 3
LONGEST_PAUSE_S = 0.2
MOVED = (ConnectionError, ReadOnlyError, MasterDownError)
"""After these errors, a new connection may lead to another master."""

SENTINEL = ("redis+sentinel", "rediss+sentinel")
CLUSTER = ("redis+cluster", "rediss+cluster")


def open_redis(url: str) -> redis.Redis:
    """A client that retries commands. If the URL can't be used, raises a ValueError that says why.

    After a broken connection, READONLY or MASTERDOWN, a command is sent again over a new connection, which may lead to
    a new master. So scripts and commands must be safe to repeat. After a time-out, a command is not sent again, because
    the learner would wait too long.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,  # redis-py would begin with HELLO 3, which Redis 5 and several proxies refuse
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(LONGEST_PAUSE_S, 0.02), RETRIES, MOVED),
    }
    scheme = urlsplit(url).scheme
    if scheme in CLUSTER:
        raise ValueError("REDIS_URL names a Redis Cluster, which AI-Talk can't use; give one master, or Sentinels")
    if scheme in SENTINEL:
        return _by_sentinels(url, options)
    pool = redis.BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=TIMEOUT_S, **options)
    return redis.Redis.from_pool(pool)


class _WaitingSentinelPool(SentinelConnectionPool, redis.BlockingConnectionPool):
    """A command that finds no free connection waits for one. redis-py's own pool for Sentinels refuses the 101st
    simultaneous command."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the free connections; with `inuse_connections`, also those in use and those to the Sentinels."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await asyncio.gather(*(sentinel.aclose() for sentinel in self.sentinel_manager.sentinels))


class _Reconnecting(SentinelManagedConnection):
    """Asks the Sentinels for the master whenever it connects. redis-py 8.1 itself would repeat a command on a new
    connection to the old master."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        await super().send_packed_command(command, check_health)


class _ReconnectingTls(_Reconnecting, SentinelManagedSSLConnection):
    pass


def _by_sentinels(url: str, options: dict[str, Any]) -> redis.Redis:
    """A client of the master that the Sentinels of the URL name."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    if not (hosts and name):
        raise ValueError("REDIS_URL with Sentinels is redis+sentinel://[user:password@]host:26379,host:26379/NAME/0")
    user, _, password = credentials.partition(":")
    places = [urlsplit(f"//{one}") for one in hosts.split(",")]  # IPv6 addresses are in brackets
    sentinels = [(place.hostname or "", place.port or 26379) for place in places]
    quickly = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    sentinel = Sentinel(sentinels, sentinel_kwargs=quickly)  # type: ignore[no-untyped-call]
    master: redis.Redis = sentinel.master_for(
        name,
        connection_pool_class=_WaitingSentinelPool,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_S,
        db=int(database or 0),
        username=unquote(user) or None,
        password=unquote(password) or None,
        connection_class=_ReconnectingTls if parts.scheme.startswith("rediss") else _Reconnecting,
        **options,
    )
    return master


@asynccontextmanager
async def reachable() -> AsyncIterator[None]:
    """Turns errors of Redis in this block into UnavailableError.

    redis-py uses asyncio.wait_for. In Python 3.11, wait_for loses a cancellation that comes at the moment when the
    write is done or fails. So the cancellation is raised again here; otherwise a cancelled task would go on.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    cancelled = task.cancelling()
    try:
        yield
    except (RedisError, OSError, RuntimeError) as error:
        if task.cancelling() > cancelled:
            raise asyncio.CancelledError from error
        if not isinstance(error, RuntimeError):
            raise UnavailableError(f"Redis {explain(error)}") from error
        if "handler is closed" not in str(error):  # uvloop's error for a write on a connection that was reset
            raise
        raise UnavailableError(f"Redis {explain(ConnectionError())}") from error
    if task.cancelling() > cancelled:
        raise asyncio.CancelledError


_REFUSALS = {
    "MISCONF": "can't write to its disk, and so stores nothing; see its log",
    "NOREPLICAS": "refuses writes while it has too few replicas (min-replicas-to-write)",
    "BUSY": "is busy with a script of another program; SCRIPT KILL there ends it",
    "unknown command": "lacks a command that AI-Talk needs, hidden by a proxy or rename-command; docs/compatibility.md "
    "lists them",
    "DB index": "lacks the database that REDIS_URL ends in; use /0",
    "SELECT is not allowed": "lacks the database that REDIS_URL ends in; use /0",
    "max daily request limit": "serves no more requests today under its provider's plan",
}
"""The beginning of a refusal → what to say about it, for refusals without an error class. The text of a refusal is
never passed on, because it may quote stored data."""


def explain(error: Exception) -> str:
    """What is wrong with Redis and what to do, as the rest of a sentence that begins with "Redis". It never contains
    the stored data."""
    match error:
        case ReadOnlyError() | MasterDownError():
            return "is a read-only replica; REDIS_URL must lead to the master, also after a failover"
        case OutOfMemoryError():
            return "is full (maxmemory); give it more memory"
        case NoPermissionError():
            return "refuses a command to the user in REDIS_URL; docs/compatibility.md lists the commands it needs"
        case AuthenticationError() | AuthorizationError():
            return "refuses this gateway; check the user and password in REDIS_URL"
        case MovedError() | ClusterDownError():
            return "is a cluster; REDIS_URL must lead to one master, or to Sentinels"
        case TimeoutError():
            return f"can't be reached: no answer within {TIMEOUT_S:.0f} s"
        case BusyLoadingError():
            return "is loading its data; that passes"
        case ConnectionError() if "max number of clients" in str(error):
            return "has no connection left (maxclients); give it more, or run fewer gateways"
        case ConnectionError() if "certificate" in str(error).lower():
            return "has a certificate that isn't trusted here; add ?ssl_ca_certs=FILE to REDIS_URL"
        case ResponseError():
            said = next((told for begin, told in _REFUSALS.items() if str(error).startswith(begin)), "")
            return said or f"can't do what it is asked ({type(error).__name__}); see its log"
        case _:
            return f"can't be reached ({type(error).__name__}); is it running?"


async def awaited(result: Any) -> Any:
    """The awaited result: redis-py declares its commands as sync or async, and these are async."""
    return await cast("Awaitable[Any]", result)
