"""A gateway in the test's own event loop, on a real socket, with the ports (fakes or real) that the test gives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import uvicorn

from common.errors import UnavailableError
from gateway.admission.draining import Draining
from gateway.admission.redis_limits import RedisLimits
from gateway.admission.redis_seats import RedisSeats
from gateway.app import create_app
from gateway.clients import redis_client
from gateway.config import GatewaySettings
from gateway.ports import (
    AnyLanguage,
    KnownLanguages,
    Languages,
    LearnerFiles,
    NoLearnerRecords,
    NoServerTools,
    Ports,
    ServerTools,
)
from gateway.server import open_sockets, server_config
from tests.support.fakes import FakeAsr, FakeChat, FakeLlm, FakeRecordings, FakeTts
from tests.support.memory_store import MemoryStore

NO_REDIS = "redis://127.0.0.1:1/0"
"""Nothing listens at this address, so seats are not counted. The gateway makes no retries there, because retries would
take 0.7 s in each test."""


@dataclass
class FakeServices:
    """Model servers. The test decides whether they are ready."""

    is_ready: bool = True
    recordings: FakeRecordings = field(default_factory=FakeRecordings)
    chat: FakeChat = field(default_factory=FakeChat)
    known: KnownLanguages = field(default_factory=KnownLanguages)

    async def problems(self) -> dict[str, str]:
        return dict.fromkeys(("asr", "llm", "tts"), "" if self.is_ready else "loads its model")

    async def occupancy(self) -> float:
        return 0.0

    async def fallbacks(self) -> dict[str, str]:
        return {} if self.is_ready else {"tts": "piper (joe): kyutai is not installed"}

    async def voices(self) -> list[dict[str, Any]]:
        if not self.is_ready:
            raise UnavailableError("TTS: loading")
        return [{"id": "joe", "name": "Joe", "language": "en-US", "sample_rate": 22050}]

    async def languages(self) -> KnownLanguages:
        return self.known

    async def slots(self) -> dict[str, int | None]:
        return dict.fromkeys(("asr", "llm", "tts"))

    async def describe(self) -> dict[str, dict[str, Any]]:
        return {name: {"engine": "fake", "model": f"fake-{name}"} for name in ("asr", "llm", "tts")}


@dataclass
class TestGateway:
    """A gateway on `asr`, `llm`, `tts` and `store`. They are fakes, but the store may be a real one."""

    __test__ = False

    asr: FakeAsr = field(default_factory=FakeAsr)
    llm: FakeLlm = field(default_factory=FakeLlm)
    tools: ServerTools = field(default_factory=NoServerTools)
    tts: FakeTts = field(default_factory=FakeTts)
    store: Any = field(default_factory=MemoryStore)
    learners: LearnerFiles = field(default_factory=NoLearnerRecords)
    languages: Languages = field(default_factory=AnyLanguage)
    services: FakeServices = field(default_factory=FakeServices)
    redis_url: str = NO_REDIS
    port: int = 0
    draining: Draining = field(default_factory=lambda: Draining(0))  # replaced by the app's own while it runs

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/conversation"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_streams(self) -> int:
        return self.asr.open_streams + self.llm.open_streams + self.tts.open_streams

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[TestGateway]:
        """Serve with these settings for the length of the block."""
        made = GatewaySettings(_env_file=None, host="127.0.0.1", **settings)
        with patch.object(redis_client, "RETRIES", 0 if self.redis_url == NO_REDIS else redis_client.RETRIES):
            seats = RedisSeats(self.redis_url, longest_keep_s=made.admission_grace_s)
            limits = RedisLimits(self.redis_url)
        app = create_app(
            made,
            Ports(self.asr, self.llm, self.tts, self.store, self.tools, self.learners, self.languages),
            self.services,
            seats,
            limits,
        )
        self.draining = app.state.draining
        config = server_config(app, made)
        config.lifespan = "on"
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(open_sockets("127.0.0.1", 0)))
            while not server.started:
                await asyncio.sleep(0.01)
            self.port = server.servers[0].sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                server.should_exit = True
            await serving
        await seats.close()
        await limits.close()
