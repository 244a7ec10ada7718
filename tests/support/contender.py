"""`python -m tests.support.contender`: a gateway's admission in a process of its own, for tests that race or kill it.

Environment variables say what it does. ROUNDS > 0: it takes the last free seat that many times, and prints how often
another gateway held that seat at the same time. ROUNDS = 0: it takes HOLD seats, prints "seated", and holds them until
it is killed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as redis
from pydantic_settings import BaseSettings

from gateway.admission.queue import AdmissionQueue
from gateway.admission.redis_seats import LEASE_S, RedisSeats


class ContenderSettings(BaseSettings):
    redis_url: str
    capacity: int
    rounds: int = 0
    hold: int = 0
    lease_s: float = LEASE_S


@asynccontextmanager
async def admission_queue(
    url: str, capacity: int, *, queue_max: int = 10, lease_s: float = LEASE_S, grace_s: float = 15.0
) -> AsyncIterator[AdmissionQueue]:
    """Run one gateway's admission for the length of the block."""
    seats = RedisSeats(url, longest_keep_s=grace_s, lease_s=lease_s)
    admission = AdmissionQueue(seats, lambda: capacity, queue_max=queue_max, max_wait_s=30.0, grace_s=grace_s)
    try:
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(admission.run())
            try:
                yield admission
            finally:
                beating.cancel()
    finally:
        await seats.close()  # after the last call


async def race(settings: ContenderSettings) -> int:
    """Take the last free seat again and again. Returns how often another gateway held it at the same time."""
    shared = redis.from_url(settings.redis_url)
    won = crowded = 0
    async with admission_queue(settings.redis_url, settings.capacity, queue_max=0) as queue:
        while won < settings.rounds:
            ticket = await queue.arrive(secrets.token_hex(8))
            if ticket.is_seated:
                won += 1
                crowded += await shared.incr("inside") != 1
                await shared.decr("inside")
            await queue.leave(ticket)
    await shared.aclose()
    return crowded


async def hold(settings: ContenderSettings) -> None:
    async with admission_queue(settings.redis_url, settings.capacity, lease_s=settings.lease_s) as queue:
        for _ in range(settings.hold):
            assert (await queue.arrive(secrets.token_hex(8))).is_seated
        print("seated", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    given = ContenderSettings()
    if given.rounds:
        print(asyncio.run(race(given)), flush=True)
    else:
        asyncio.run(hold(given))
