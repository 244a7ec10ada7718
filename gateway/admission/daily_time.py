"""Limits how long a client may converse per day.

Time counts while a learner holds a seat, but not in the queue or during the analysis. All conversations of a client use
up the same time.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Protocol

from gateway import metrics
from gateway.closing import TimeRunsOut, TimeUp, TimeUsedUpError

WARN_S = 120.0
LAST_TURN_S = 20.0
POLL_S = 1.0  # the time left also changes with the client's other conversations, and when a new day begins
DAY_S = 24 * 3600


class Timed(Protocol):
    """What DailyTime needs of a session."""

    async def post(self, event: TimeRunsOut | TimeUp, /) -> None:
        """Tell the session."""
        ...


class DailyTime:
    """The time of one client. quota_s: for each day; 0: without limit. now, wall_clock: clocks in seconds."""

    def __init__(
        self,
        quota_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._quota_s = quota_s
        self._now = now
        self._wall_clock = wall_clock
        self._running = 0  # conversations at this gateway
        self._counted_at_s = now()
        self._unreported_s = 0.0
        self._reported_s = 0.0  # used today at all gateways, as far as this one knows

    @property
    def unreported_s(self) -> float:
        """The time used at this gateway that no `report` has covered yet."""
        self._count()
        return self._unreported_s

    @property
    def left_s(self) -> float:
        """The rest of today's time, in seconds; not below 0."""
        return max(0.0, self._quota_s - self._reported_s - self.unreported_s) if self._quota_s else math.inf

    @property
    def notice(self) -> str:
        """The message for a client whose time is used up."""
        minutes = max(1, math.ceil((DAY_S - self._wall_clock() % DAY_S) / 60))
        wait = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
        return (
            f"today's {self._quota_s / 60:g} minutes of conversation are used up; "
            f"the conversation is kept, so carry on in {wait} (midnight UTC)"
        )

    def check(self) -> None:
        """Raises TimeUsedUpError if nothing is left."""
        if not self.left_s:
            metrics.CLIENT_LIMITS.labels("time").inc()
            raise TimeUsedUpError(self.notice)

    def start(self) -> None:
        """One more conversation begins. Nothing is counted if there is no quota."""
        if self._quota_s:
            self._count()
            self._running += 1

    def stop(self) -> None:
        """One of the conversations that were started has ended."""
        if self._quota_s:
            self._count()
            self._running -= 1

    def report(self, used_s: float, *, sent_s: float = 0.0) -> None:
        """Take today's total of all gateways, `used_s`. It includes the `sent_s` that this gateway has sent."""
        self._reported_s = used_s
        self._unreported_s -= sent_s

    async def watch(self, session: Timed) -> None:
        """Tell the session shortly before its time is used up, and again when it is used up. Run it as a task beside
        the session."""
        if not self._quota_s:
            return
        warn_s = min(WARN_S, self._quota_s / 5)
        while self.left_s:
            await self._until(lambda: self.left_s <= warn_s, warn_s)
            await session.post(TimeRunsOut(round(self.left_s)))
            await self._until(lambda: not 0 < self.left_s <= warn_s, 0.0)  # on a new day there is more time again
        metrics.CLIENT_LIMITS.labels("time").inc()
        await session.post(TimeUp(self.notice))
        await asyncio.sleep(LAST_TURN_S)
        await session.post(TimeUp(self.notice, at_once=True))

    def _count(self) -> None:
        now = self._now()
        self._unreported_s += self._running * (now - self._counted_at_s)
        self._counted_at_s = now

    async def _until(self, is_so: Callable[[], bool], left_s: float) -> None:
        while not is_so():  # noqa: ASYNC110 - the passing of time sets no event
            await asyncio.sleep(min(POLL_S, max(0.01, self.left_s - left_s)))
