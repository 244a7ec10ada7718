"""Makes the partner speak again after a silence of `idle_timeout_ms`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class _Silence:
    """A silence that began when the learner had heard the end of the partner's reply. from_ms: where it began in the
    learner's audio."""

    since_s: float
    from_ms: float


class IdleTimer:
    """The timer of one connection.

    timeout_ms: returns the length of a silence, in ms, after which `on_idle` is called with the silence's `from_ms`;
    None: it is never called.
    """

    def __init__(
        self,
        timeout_ms: Callable[[], int | None],
        on_idle: Callable[[float], Awaitable[None]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_ms = timeout_ms
        self._on_idle = on_idle
        self._now = now
        self._silence: _Silence | None = None
        self._changed = asyncio.Event()

    def start(self, from_ms: float) -> None:
        """A silence begins."""
        self._silence = _Silence(self._now(), from_ms)
        self._changed.set()

    def stop(self) -> None:
        """Somebody speaks."""
        self._silence = None
        self._changed.set()

    def timeout_changed(self) -> None:
        """The result of `timeout_ms` may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Watch for silences until cancelled. Run this as a task."""
        while True:
            silence = self._silence
            with suppress(TimeoutError):
                async with asyncio.timeout(self._left_s()):
                    await self._changed.wait()
            self._changed.clear()
            if silence and silence is self._silence and self._left_s() == 0:
                self._silence = None
                await self._on_idle(silence.from_ms)

    def _left_s(self) -> float | None:
        """Seconds until the silence is too long; None: it never is."""
        timeout_ms = self._timeout_ms()
        if self._silence is None or not timeout_ms:
            return None
        return max(0.0, self._silence.since_s + timeout_ms / MS_PER_S - self._now())
