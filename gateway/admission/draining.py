"""How a gateway ends without losing a session: SIGTERM → not ready, no new sessions → sessions handed over → exit.

A session is handed over between two turns: at once if nobody speaks, otherwise when the learner has heard the reply.
After GATEWAY_DRAIN_TIMEOUT_S the remaining sessions are handed over in the middle of a turn.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from gateway.closing import MOVING, HandOver
from gateway.protocol import Reconnect

logger = logging.getLogger(__name__)

# Learners reconnect at random moments within this time, not all at once.
SPREAD_MS = 300
# Time for the last messages of sessions that are handed over in the middle of a turn, and for close frames.
LAST_S = 7.0


def reconnect() -> Reconnect:
    """The message that sends a learner to another gateway."""
    return Reconnect(reason=MOVING.reason, delay_ms=random.randrange(SPREAD_MS))  # noqa: S311


class Movable(Protocol):
    """What Draining needs of a session."""

    async def post(self, event: HandOver, /) -> None:
        """Tell the session to hand over."""
        ...


class Draining:
    """Knows the sessions of this gateway. After `begin`, `done` is set when no session or no time is left. `give_up`
    also sets it."""

    def __init__(self, timeout_s: float) -> None:
        self.began = asyncio.Event()
        self.done = asyncio.Event()
        self._timeout_s = timeout_s
        self._sessions: set[Movable] = set()
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """Hand the sessions over."""
        self.began.set()

    def give_up(self) -> None:
        """Stop waiting for the remaining sessions."""
        self.done.set()

    @contextmanager
    def counting(self, session: Movable) -> Iterator[None]:
        """Count the session as one of this gateway's within the block."""
        self._sessions.add(session)
        try:
            yield
        finally:
            self._sessions.discard(session)
            self._changed.set()

    async def run(self) -> None:
        """Wait for `begin`, then hand over. Run it as a task."""
        await self.began.wait()
        logger.info("draining: %d sessions are handed over, within %.0f s", len(self._sessions), self._timeout_s)
        await self._hand_over(HandOver(), self._timeout_s)
        if self._sessions:
            logger.warning("draining: %d sessions are handed over in the middle of a turn", len(self._sessions))
            await self._hand_over(HandOver(at_once=True), LAST_S)
        self.done.set()

    async def _hand_over(self, event: HandOver, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                async with asyncio.TaskGroup() as tasks:  # so that a slow connection delays no other session
                    for session in self._sessions:
                        tasks.create_task(session.post(event))
                while self._sessions:
                    self._changed.clear()
                    await self._changed.wait()
