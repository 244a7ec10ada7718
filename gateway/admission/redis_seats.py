"""Seats and the queue for them, in Redis: all gateways share them, and a dead gateway's seats become free.

    aitalk:{admission}:seats     sorted set   seat → when its lease ends
    aitalk:{admission}:holders   hash         seat → the gateway that renews it; empty: kept for a while
    aitalk:{admission}:queue     sorted set   waiting learner → a number; the lowest came first
    aitalk:{admission}:waiting   sorted set   waiting learner → when the place in the queue lapses
    aitalk:{admission}:numbers   integer      the last number given
    aitalk:{admission}:length_ms integer      how long a seat is held, a moving average
    aitalk:{admission}:place_key string       the key with which `place_of` signs places in the queue
    aitalk:{admission}:clients   hash         seat or waiting learner → a digest of its client's name

While seats are free, everybody gets one. While learners wait, the next seat goes to the client that has the fewest
seats, and among the learners of such clients to whoever came first. So a client that connects many times doesn't keep
others out.

A seat has the id of its session, so that a connection that resumes the session can claim it. `beat` renews leases; the
leases of a dead gateway lapse after LEASE_S. All times are by Redis's own clock. If this clock is set back by an hour,
the remaining leases would last an hour longer, so they are shortened to the longest possible lease. If it is set
forward, all leases lapse, and the next `beat` of each gateway renews those of its own learners.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.clients.redis_client import open_redis, reachable

LEASE_S = 10.0
BEAT_S = LEASE_S / 4  # between two renewals of a lease
# Until the first conversation has ended, this is assumed to be the average length.
FIRST_LENGTH_MS = 300_000

_PREFIX = "aitalk:{admission}:"
_KEYS = [_PREFIX + name for name in ("seats", "holders", "queue", "waiting", "numbers", "length_ms", "clients")]

_COMMON = """
local seats, holders, queue, waiting, numbers, length, clients = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function free(seat)
  redis.call('ZREM', seats, seat)
  redis.call('HDEL', holders, seat)
  redis.call('HDEL', clients, seat)
end
local function take(seat, holder, lease)
  redis.call('ZADD', seats, now + lease, seat)
  redis.call('HSET', holders, seat, holder)
end
local function leave_queue(id)
  if redis.call('ZREM', queue, id) == 1 then redis.call('HDEL', clients, id) end  -- otherwise it may have a seat
  redis.call('ZREM', waiting, id)
end
for _, key in ipairs({seats, waiting}) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now + LONGEST, '+inf')) do
    redis.call('ZADD', key, now + LONGEST, id)
  end
end
for _, seat in ipairs(redis.call('ZRANGEBYSCORE', seats, '-inf', now)) do free(seat) end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now)) do leave_queue(id) end
"""

# For each learner who waits, how many others get a seat first: those whose client would have fewer seats, counting the
# new one; among equals those who came first.
_TURNS = """
local function turns()
  local ids = redis.call('ZRANGEBYSCORE', queue, '-inf', '+inf')
  if #ids == 1 then return {[ids[1]] = 0} end
  local client, has, order, ahead = {}, {}, {}, {}
  local stored = redis.call('HGETALL', clients)
  for i = 1, #stored, 2 do client[stored[i]] = stored[i + 1] end
  local function one_more(id)
    local name = client[id] or id
    has[name] = (has[name] or 0) + 1
    return has[name]
  end
  for _, seat in ipairs(redis.call('ZRANGEBYSCORE', seats, '-inf', '+inf')) do one_more(seat) end
  for number, id in ipairs(ids) do order[number] = {id = id, number = number, seats = one_more(id)} end
  table.sort(order, function(a, b)
    if a.seats ~= b.seats then return a.seats < b.seats end
    return a.number < b.number
  end)
  for before, one in ipairs(order) do ahead[one.id] = before - 1 end
  return ahead
end
"""

# ARGV: gateway, lease, capacity (-1: unlimited), longest queue, number of seats that the gateway holds, then pairs of
# an id and its client: first for these seats, then for the learners who wait.
# Returns the seats in use, the length of the queue, the average length of a conversation, then a number for each
# learner who waits: 0: has a seat, n: n-th in the queue, -1: the queue is full.
_BEAT = (
    _COMMON
    + _TURNS
    + """
if redis.call('HLEN', clients) > redis.call('ZCARD', seats) + redis.call('ZCARD', queue) then
  -- A gateway of a version without `clients` has freed a seat or a place.
  for _, id in ipairs(redis.call('HKEYS', clients)) do
    if not (redis.call('ZSCORE', seats, id) or redis.call('ZSCORE', queue, id)) then redis.call('HDEL', clients, id) end
  end
end
local me, lease, capacity, longest, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local function sit(id, client)
  take(id, me, lease)
  redis.call('HSET', clients, id, client)
end
for i = 6, 4 + 2 * count, 2 do
  local holder = redis.call('HGET', holders, ARGV[i])
  if not holder or holder == me then sit(ARGV[i], ARGV[i + 1]) end
end
local places, ahead = {}, nil
for i = 6 + 2 * count, #ARGV, 2 do
  local id, client, place = ARGV[i], ARGV[i + 1], 0
  if redis.call('HGET', holders, id) ~= me then
    local is_new = not redis.call('ZSCORE', queue, id)
    if is_new then
      redis.call('ZADD', queue, redis.call('INCR', numbers), id)
      ahead = nil
    end
    redis.call('HSET', clients, id, client)
    ahead = ahead or turns()
    if capacity < 0 or redis.call('ZCARD', seats) + ahead[id] < capacity then
      leave_queue(id)
      sit(id, client)
      ahead = nil
    elseif is_new and redis.call('ZCARD', queue) > longest then
      leave_queue(id)
      place, ahead = -1, nil
    else
      redis.call('ZADD', waiting, now + lease, id)
      place = ahead[id] + 1
    end
  end
  places[#places + 1] = place
end
local average = tonumber(redis.call('GET', length) or -1)
return {redis.call('ZCARD', seats), redis.call('ZCARD', queue), average, unpack(places)}
"""
)

# ARGV: gateway, lease, own seat or place in the queue, the seat of the resumed session, whether that seat must exist.
# Returns 1 if that seat is now the learner's only one.
_CLAIM = (
    _COMMON
    + """
local me, lease, own, wanted, must_be_there = unpack(ARGV)
if must_be_there == '1' and not redis.call('ZSCORE', seats, wanted) then return 0 end
leave_queue(own)
free(own)
take(wanted, me, lease)
return 1
"""
)

# ARGV: gateway, lease, a place in the queue that is kept, the learner who has come back for it. Returns 1 if the place
# was kept. If the learner got a seat just as the gateway ended, that seat is kept instead of the place.
_COME_BACK = (
    _COMMON
    + """
local me, lease, kept, id = unpack(ARGV)
local number = redis.call('ZSCORE', queue, kept)
if number then
  leave_queue(kept)
  redis.call('ZADD', queue, number, id)
  redis.call('ZADD', waiting, now + lease, id)
elseif redis.call('HGET', holders, kept) == '' then
  free(kept)
  take(id, me, lease)
else
  return 0
end
return 1
"""
)

# ARGV: gateway, seat or place in the queue, milliseconds for which it is kept, milliseconds for which it was held.
_LEAVE = (
    _COMMON
    + """
local me, id, keep, held = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if keep > 0 and redis.call('ZSCORE', queue, id) then
  redis.call('ZADD', waiting, now + keep, id)
  return 1
end
leave_queue(id)
if redis.call('HGET', holders, id) ~= me then return 0 end
if keep > 0 then take(id, '', keep) else free(id) end
if held > 0 and keep == 0 then
  local average = tonumber(redis.call('GET', length) or held)
  redis.call('SET', length, math.floor(0.9 * average + 0.1 * held))
end
return 1
"""
)


@dataclass(frozen=True, slots=True)
class Count:
    """seats: in use at all gateways, including kept ones. queue: its length. length_s: of an average conversation.

    places: of the learners in `asking`, in their order; 0: has a seat; n: n-th in the queue; -1: the queue is full.
    """

    seats: int
    queue: int
    length_s: float
    places: tuple[int, ...]


class RedisSeats:
    """Seats and queue as one gateway uses them. Every method raises UnavailableError if Redis can't be reached.

    longest_keep_s: the longest time for which `leave` will be asked to keep a seat or a place.
    """

    def __init__(self, url: str, *, longest_keep_s: float, lease_s: float = LEASE_S) -> None:
        self._redis = open_redis(url)
        self._gateway_id = secrets.token_hex(8)
        self._lease_ms = round(lease_s * 1000)
        self._place_key = b""
        longest = str(round(max(lease_s, longest_keep_s) * 1000))
        self._beat, self._claim, self._come_back, self._leave = (
            self._redis.register_script(script.replace("LONGEST", longest))
            for script in (_BEAT, _CLAIM, _COME_BACK, _LEAVE)
        )

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()

    async def beat(
        self,
        held: Sequence[str],
        asking: Sequence[str],
        *,
        capacity: int | None,
        queue_max: int,
        clients: Mapping[str, str] | None = None,
    ) -> Count:
        """Renew the leases of `held`, and ask for a seat for each of `asking`, in turn.

        A learner without a seat gets a place in the queue, or renews it. capacity: seats of the whole mesh; None: no
        limit. clients: the names of their clients; who has none counts as a client of its own.
        """
        limit = -1 if capacity is None else capacity
        arguments: list[str | int] = [self._gateway_id, self._lease_ms, limit, queue_max, len(held)]
        for one in (*held, *asking):
            name = (clients or {}).get(one, "")
            arguments += [one, hashlib.sha256(name.encode()).hexdigest() if name else one]
        async with reachable():
            seats, queue, length_ms, *places = await self._beat(keys=_KEYS, args=arguments)
        length_s = (length_ms if length_ms > 0 else FIRST_LENGTH_MS) / 1000
        return Count(int(seats), int(queue), length_s, tuple(int(place) for place in places))

    async def claim(self, own: str, wanted: str, *, must_be_there: bool) -> bool:
        """Take the seat of the resumed session, `wanted`, and give up `own` (a seat, or a place in the queue).

        must_be_there: do so only if that seat still exists: it is kept, or held by a gateway that may be dead. Returns
        False if it does not exist.
        """
        async with reachable():
            arguments: list[str | int] = [self._gateway_id, self._lease_ms, own, wanted, int(must_be_there)]
            return bool(await self._claim(keys=_KEYS, args=arguments))

    async def place_key(self) -> bytes:
        """The key that signs places in the queue. All gateways have the same key; the first one makes it."""
        if not self._place_key:
            async with reachable():
                await self._redis.set(_PREFIX + "place_key", secrets.token_hex(32), nx=True)
                self._place_key = str(await self._redis.get(_PREFIX + "place_key")).encode()
        return self._place_key

    async def come_back(self, kept: str, own: str) -> bool:
        """Give `own` the place in the queue that `kept` had, or the seat that `kept` got as its gateway ended.

        Returns False if neither is kept (any more).
        """
        async with reachable():
            return bool(await self._come_back(keys=_KEYS, args=[self._gateway_id, self._lease_ms, kept, own]))

    async def leave(self, seat: str, *, keep_s: float = 0.0, held_s: float = 0.0) -> None:
        """Give up a seat or a place in the queue. keep_s: keep it for this long; 0: free it at once.

        held_s: the length of the conversation, for the estimate. A seat that another gateway has claimed stays as it
        is.
        """
        async with reachable():
            arguments: list[str | int] = [self._gateway_id, seat, round(keep_s * 1000), round(held_s * 1000)]
            await self._leave(keys=_KEYS, args=arguments)
