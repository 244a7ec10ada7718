"""Whether conversations are possible now, for /ready. Anybody may ask that, so the answer is found once a second at
most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.ports import ModelChecks

FRESH_S = 1.0


class StoreCheck(Protocol):
    """What the check needs of the store."""

    async def problem(self) -> str:
        """Why conversations can't be saved now; empty: they can."""
        ...


@dataclass(frozen=True, slots=True)
class Findings:
    """problems, fallbacks: by service. redis: why conversations can't be saved; empty: they can."""

    problems: dict[str, str]
    fallbacks: dict[str, str]
    redis: str


class Readiness:
    """Asks the model servers and Redis. now: a clock in seconds."""

    def __init__(self, services: ModelChecks, store: StoreCheck, now: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._store = store
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._found: Findings | None = None
        self._found_at_s = 0.0

    async def findings(self) -> Findings:
        """What was found within the last FRESH_S. During a check, callers wait for its result."""
        async with self._one_at_a_time:
            if self._found is None or self._now() - self._found_at_s >= FRESH_S:
                problems, fallbacks, redis = await asyncio.gather(
                    self._services.problems(), self._services.fallbacks(), self._store.problem()
                )
                self._found, self._found_at_s = Findings(problems, fallbacks, redis), self._now()
            return self._found
