"""A gateway that keeps learners' records in a real Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from gateway.clients.redis_learners import RedisLearners
from gateway.clients.redis_store import RedisStore
from tests.support.gateway import TestGateway
from tests.support.learner import Learner, a_learner

TTL_S, PROGRESS_TTL_S = 100, 1000
ANNA, BORIS = "anna-0123456789abcdef", "boris-0123456789abcdef"
SAID = (
    "Yesterday I buyed three apples at the market.", "He go to work by bus.", "She like her job in the office.",
    "We eated a big cake together.", "I not understand this film.", "He don't want to come with us.",
    "They didn't went home last night.", "I am agree with my teacher.", "It rain here every autumn.",
    "I thinked about the long journey.",
)  # fmt: skip


class World:
    """A gateway whose sessions and records are in Valkey."""

    def __init__(self, url: str, record_ttl_s: int) -> None:
        self.store = RedisStore(url, ttl_s=TTL_S, learner_ttl_s=TTL_S)
        self.learners = RedisLearners(url, self.store, ttl_s=record_ttl_s, session_ttl_s=TTL_S)
        self.gateway = TestGateway(store=self.store, learners=self.learners)

    async def keys(self) -> list[str]:
        """All keys in Valkey."""
        return sorted(str(key) for key in await self.store._redis.keys("*"))

    def http(self, learner: str = ANNA, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.gateway.http, headers={"X-Learner": learner, **headers})

    async def converse(self, *said: str, headers: dict[str, str] | None = None, **start: Any) -> Learner:
        """Hold a whole typed conversation, and wait for its analysis."""
        async with a_learner(self.gateway.ws, **(headers or {})) as learner:
            await learner.send(type="start", **start)
            for text in said:
                await learner.send(type="text", text=text)
            await learner.send(type="end_conversation")
            assert (await learner.wait_closed())[0] == 1000
            return learner


@asynccontextmanager
async def a_world(url: str, *, record_ttl_s: int = PROGRESS_TTL_S, **settings: Any) -> AsyncIterator[World]:
    world = World(url, record_ttl_s)
    async with world.gateway.running(**settings):
        yield world
    await world.learners.close()
    await world.store.close()
