"""Counts in Redis what each client does at all gateways together. The connections of a dead gateway expire.

    aitalk:client:{DIGEST}:open     sorted set   connection → when its lease ends
    aitalk:client:{DIGEST}:opened   hash         minute; current: connections opened in it; before: in the one before
    aitalk:client:{DIGEST}:stored   hash         the same for requests that make the gateway store something
    aitalk:client:{DIGEST}:used     hash         day (UTC); ms: the time in conversations on that day

`beat` renews the leases; the leases of a dead gateway lapse after LEASE_S. Connections, and requests that store
something, are counted per minute by a sliding window: the count of this minute, plus the share of the last minute's
count that is less than 60 s old. All times are by Redis's own clock. A key contains a digest of the client's name, and
expires.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.admission.redis_seats import LEASE_S
from gateway.clients.redis_client import open_redis, reachable

_COMMON = """
local open, opened, used = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function used_today(more)
  local day = math.floor(now / 86400000)
  if tonumber(redis.call('HGET', used, 'day') or -1) ~= day then redis.call('DEL', used) end
  if more <= 0 then return tonumber(redis.call('HGET', used, 'ms') or 0) end
  redis.call('HSET', used, 'day', day)
  redis.call('PEXPIRE', used, 86400000)
  return redis.call('HINCRBY', used, 'ms', more)
end
"""

# ARGV: connection, lease, most connections, most per minute (0: any number). Returns why the connection may not be
# opened (0: it may; 1: too many are open; 2: too many were opened), and the milliseconds used today.
_ENTER = (
    _COMMON
    + """
local connection, lease, most, per_minute = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', open, '-inf', now)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', open, '(' .. now + lease, '+inf')) do  -- the clock was set back
  redis.call('ZADD', open, now + lease, id)
end
if not redis.call('ZSCORE', open, connection) then
  if redis.call('ZCARD', open) >= most then return {1, 0} end
  if per_minute > 0 then
    local this = math.floor(now / 60000)
    local stored = redis.call('HMGET', opened, 'minute', 'current', 'before')
    local minute, current, before = tonumber(stored[1] or -1), tonumber(stored[2] or 0), tonumber(stored[3] or 0)
    if minute == this - 1 then current, before = 0, current elseif minute ~= this then current, before = 0, 0 end
    if before * (1 - now % 60000 / 60000) + current + 1 > per_minute then return {2, 0} end
    redis.call('HSET', opened, 'minute', this, 'current', current + 1, 'before', before)
    redis.call('PEXPIRE', opened, 120000)
  end
end
redis.call('ZADD', open, now + lease, connection)
redis.call('PEXPIRE', open, 2 * lease)
return {0, used_today(0)}
"""
)

# ARGV: lease, milliseconds used since the last beat, connections … Returns the milliseconds used today. The
# script adds the connections again, because Redis may have lost its data since the last beat.
_BEAT = (
    _COMMON
    + """
for i = 3, #ARGV do redis.call('ZADD', open, now + ARGV[1], ARGV[i]) end
if #ARGV > 2 then redis.call('PEXPIRE', open, 2 * ARGV[1]) end
return used_today(tonumber(ARGV[2]))
"""
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Whether a connection may be opened. used_s: the time in conversations today, at all gateways."""

    too_many_open: bool = False
    too_many_opened: bool = False
    used_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Beat:
    """What a gateway reports of one client: its open connections, and the time used since the last beat."""

    client: str
    connections: Sequence[str]
    used_s: float


class SharedLimits(Protocol):
    """The counts of all gateways. Every method raises UnavailableError if they can't be reached."""

    async def enter(self, client: str, connection: str, *, most: int, per_minute: int, stores: bool = False) -> Entry:
        """Count one more connection, if fewer than `most` are open, and fewer than `per_minute` were opened in the last
        minute.

        A `per_minute` of 0 means any number. stores: it is a request that stores something; these have a count per
        minute of their own.
        """
        ...

    async def leave(self, client: str, connection: str) -> None:
        """Count a connection as closed."""
        ...

    async def beat(self, beats: Sequence[Beat]) -> list[float]:
        """Renew the leases, and add the time used. Returns the time that each client has used today, in seconds.

        If the connection to Redis breaks meanwhile, a few seconds may be counted twice.
        """
        ...


class RedisLimits:
    """The SharedLimits in Redis, as one gateway uses them."""

    def __init__(self, url: str, *, lease_s: float = LEASE_S) -> None:
        self._redis = open_redis(url)
        self._lease_ms = round(lease_s * 1000)
        self._enter, self._beat = (self._redis.register_script(script) for script in (_ENTER, _BEAT))

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()

    async def enter(self, client: str, connection: str, *, most: int, per_minute: int, stores: bool = False) -> Entry:
        async with reachable():
            arguments: list[str | int] = [connection, self._lease_ms, most, per_minute]
            refusal, used_ms = await self._enter(keys=_keys(client, stores=stores), args=arguments)
        return Entry(refusal == 1, refusal == 2, used_ms / 1000)

    async def leave(self, client: str, connection: str) -> None:
        async with reachable():
            await self._redis.zrem(_keys(client)[0], connection)

    async def beat(self, beats: Sequence[Beat]) -> list[float]:
        async with reachable(), self._redis.pipeline(transaction=False) as pipeline:
            for one in beats:
                arguments: list[str | int] = [self._lease_ms, round(one.used_s * 1000), *one.connections]
                await self._beat(keys=_keys(one.client), args=arguments, client=pipeline)
            pipeline.ping()  # so even a beat without clients finds out whether Redis is back
            *used_ms, _ = await pipeline.execute()
        return [int(one) / 1000 for one in used_ms]


def _keys(client: str, *, stores: bool = False) -> list[str]:
    digest = hashlib.sha256(client.encode()).hexdigest()
    return [f"aitalk:client:{digest}:{name}" for name in ("open", "stored" if stores else "opened", "used")]
