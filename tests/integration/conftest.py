"""A real Valkey for tests of what gateways share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio as redis

from deploy.ports import free_ports
from tests.support.learner_records import World, a_world
from tests.support.mesh import running


@pytest.fixture(scope="module")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey that only this module uses."""
    folder, (port,) = tmp_path_factory.mktemp("valkey"), free_ports(1)
    settings = {"VALKEY_PORT": str(port), "VALKEY_DATA_DIR": str(folder)}
    with running("deploy.valkey", folder / "log", settings):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
async def empty_valkey_url(valkey_url: str) -> AsyncIterator[str]:
    """The URL of the module's Valkey, after all its keys were deleted."""
    client = redis.from_url(valkey_url)
    async with asyncio.timeout(10):
        while True:
            try:
                await client.flushall()
                break
            except redis.ConnectionError:
                await asyncio.sleep(0.05)
    yield valkey_url
    await client.aclose()


@pytest.fixture
async def world(empty_valkey_url: str) -> AsyncIterator[World]:
    """A gateway whose sessions and learners' records are in the module's Valkey."""
    async with a_world(empty_valkey_url) as world:
        yield world
