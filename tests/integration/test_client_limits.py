"""Limits for each client: two gateways on one real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import redis.asyncio as redis
from websockets.exceptions import InvalidStatus

from gateway.admission.redis_limits import Beat, Entry, RedisLimits
from tests.support.gateway import TestGateway
from tests.support.learner import at_the_door
from tests.support.realtime import realtime


@pytest.fixture
def url(empty_valkey_url: str) -> str:
    return empty_valkey_url


@asynccontextmanager
async def counts(url: str, *, lease_s: float = 10.0) -> AsyncIterator[RedisLimits]:
    limits = RedisLimits(url, lease_s=lease_s)
    yield limits
    await limits.close()


async def test_the_counts_of_two_gateways_are_one(url: str) -> None:
    async with counts(url) as left, counts(url) as right:
        assert await left.enter("ana", "a", most=2, per_minute=3) == Entry()
        assert await left.enter("ana", "a", most=2, per_minute=3) == Entry()  # the same entry, sent again
        assert await right.enter("ana", "b", most=2, per_minute=3) == Entry()
        assert (await left.enter("ana", "c", most=2, per_minute=3)).too_many_open
        assert await right.enter("ben", "d", most=2, per_minute=3) == Entry()
        await left.leave("ana", "a")
        assert await right.enter("ana", "e", most=2, per_minute=3) == Entry()
        await right.leave("ana", "e")
        assert (await left.enter("ana", "f", most=2, per_minute=3)).too_many_opened
        assert await left.enter("ana", "f", most=2, per_minute=0) == Entry()
        await left.leave("ana", "f")
        assert await left.enter("ana", "g", most=2, per_minute=1, stores=True) == Entry()
        await left.leave("ana", "g")
        assert (await right.enter("ana", "h", most=2, per_minute=1, stores=True)).too_many_opened


async def test_the_connections_of_a_dead_gateway_vanish_and_those_of_a_living_one_do_not(url: str) -> None:
    async with counts(url, lease_s=0.3) as dead, counts(url, lease_s=0.3) as living:
        await dead.enter("ana", "a", most=2, per_minute=0)
        await living.enter("ana", "b", most=2, per_minute=0)
        for _ in range(4):
            assert await living.beat([Beat("ana", ["b"], 0.0)]) == [0.0]
            await asyncio.sleep(0.1)
        assert await living.enter("ana", "c", most=2, per_minute=0) == Entry()
        assert (await living.enter("ana", "d", most=2, per_minute=0)).too_many_open


async def test_a_clock_that_is_set_back_keeps_the_connections_of_a_dead_gateway_no_longer(url: str) -> None:
    async with counts(url, lease_s=0.3) as limits, redis.from_url(url) as client:
        await limits.enter("ana", "dead", most=1, per_minute=0)
        (key,) = [key async for key in client.scan_iter("*:open")]
        # As if this lease had been written while the clock was an hour ahead.
        await client.zadd(key, {"dead": 1000 * (await client.time())[0] + 3_600_000})
        await client.pexpire(key, 3_600_000)
        assert (await limits.enter("ana", "a", most=1, per_minute=0)).too_many_open
        await asyncio.sleep(0.4)
        assert await limits.enter("ana", "a", most=1, per_minute=0) == Entry()


async def test_connections_of_the_last_minute_count_until_they_are_a_minute_old(url: str) -> None:
    """If the count began anew each minute, a client could open twice as many within seconds, at the change of
    the minute."""
    async with counts(url) as limits, redis.from_url(url) as client:
        await limits.enter("ana", "a", most=100, per_minute=3)
        (key,) = [key async for key in client.scan_iter("*:opened")]

        async def enters(minutes_ago: int) -> Entry:
            """Try to enter, after a billion connections were opened `minutes_ago`."""
            while True:
                minute = (await client.time())[0] // 60
                await client.hset(key, mapping={"minute": minute - minutes_ago, "current": 10**9, "before": 0})
                entry = await limits.enter("ana", f"{minutes_ago}", most=100, per_minute=3)
                if (await client.time())[0] // 60 == minute:
                    return entry

        assert (await enters(1)).too_many_opened
        assert await enters(2) == Entry()


async def test_every_key_expires_and_names_nobody(url: str) -> None:
    async with counts(url) as limits, redis.from_url(url, decode_responses=True) as client:
        await limits.enter("sub:ana@example.com", "a", most=2, per_minute=9)
        assert await limits.beat([Beat("sub:ana@example.com", ["a"], 1.5)]) == [1.5]
        assert await limits.beat([Beat("sub:ana@example.com", [], 1.0), Beat("sub:ben", [], 0.0)]) == [2.5, 0.0]
        keys = [key async for key in client.scan_iter("*")]
        assert len(keys) == 3
        assert not [key for key in keys if "ana" in key]
        assert all([await client.pttl(key) > 0 for key in keys])


async def test_one_address_behind_a_proxy_is_limited_at_both_gateways(url: str) -> None:
    one, other = TestGateway(redis_url=url), TestGateway(redis_url=url)
    ana, ben = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    async with one.running(client_max_connections=1), other.running(client_max_connections=1):
        async with at_the_door(one.ws, **ana) as first:
            await first.wait_for("connected")
            async with at_the_door(other.ws, **ana) as second:
                assert (await second.wait_for("error"))["code"] == "too_much"
                assert (await second.wait_closed())[0] == 1008
            async with at_the_door(other.ws, **ben) as stranger:
                await stranger.wait_for("connected")
        async with asyncio.timeout(10):
            kinds: set[str] = set()
            while "connected" not in kinds:  # until the first gateway has noticed that its learner left
                async with at_the_door(other.ws, **ana) as again:
                    while not (kinds := set(again.kinds())):
                        await asyncio.sleep(0.01)


async def test_only_a_trusted_proxy_can_set_the_clients_address(url: str) -> None:
    gateway = TestGateway(redis_url=url)
    async with (
        gateway.running(client_max_connections=1, forwarded_allow_ips="10.0.0.1"),
        at_the_door(gateway.ws, **{"X-Forwarded-For": "203.0.113.7"}) as first,
    ):
        await first.wait_for("connected")
        async with at_the_door(gateway.ws, **{"X-Forwarded-For": "203.0.113.8"}) as second:
            assert (await second.wait_for("error"))["code"] == "too_much"


async def test_a_day_that_is_used_up_is_announced_and_ends_at_every_gateway(url: str) -> None:
    one, other = TestGateway(redis_url=url), TestGateway(redis_url=url)
    quota = {"client_daily_minutes": 1.5 / 60}
    async with one.running(**quota), other.running(**quota):
        async with at_the_door(one.ws) as learner:
            assert (await learner.wait_for("time_left"))["seconds"] <= 1
            error = await learner.wait_for("error")
            assert (error["code"], error["retryable"]) == ("time_used_up", False)
            assert "carry on in" in error["message"]
            assert (await learner.wait_closed())[0] == 4429
        kinds: list[str] = []
        async with asyncio.timeout(10):
            while kinds != ["error"]:  # until the first gateway has reported the time
                async with at_the_door(other.ws) as again:
                    assert (await again.wait_closed())[0] == 4429
                    kinds = again.kinds()
        async with httpx.AsyncClient(base_url=other.http) as http:
            assert (await http.get("/v1/models")).status_code == 200  # only conversations use up the day's time


async def test_over_the_realtime_api_a_day_ends_with_openais_error_for_a_quota(url: str) -> None:
    gateway = TestGateway(redis_url=url)
    async with gateway.running(client_daily_minutes=1.0 / 60):
        async with realtime(gateway.http) as client:
            error = (await client.wait_for("error"))["error"]
            assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
            assert (await client.wait_closed())[0] == 4429
        with pytest.raises(InvalidStatus, match="429"):
            async with realtime(gateway.http):
                pass
