"""The official OpenAI client, connected to a test's gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai

from tests.support.gateway import TestGateway


def official_client(url: str, key: str = "-") -> openai.AsyncOpenAI:
    """A client as applications make it, but without retries, and without certificates, which take long to load."""
    http = httpx2.AsyncClient(verify=False)
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=http)


@asynccontextmanager
async def connected(gateway: TestGateway, **settings: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client on `gateway`, which runs within the block."""
    async with gateway.running(**settings), official_client(gateway.http) as client:
        yield client
