"""Notices that no audio has come for a while, because the microphone was switched off or the network is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TIMER_S = 0.002  # the shortest wait, because an event loop's timers count milliseconds


class QuietTimer:
    """After the first `fed`, calls `on_quiet` each time that nothing was fed for `after_s`.

    `on_quiet` gets the seconds for which nothing has been fed.

    It is a single timer that looks at the clock, because a new timer for each frame would cost more than the frame.
    """

    def __init__(self, after_s: float, on_quiet: Callable[[float], None]) -> None:
        self._after_s = after_s
        self._on_quiet = on_quiet
        self._loop = asyncio.get_running_loop()
        self._fed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def fed(self) -> None:
        """Audio has come."""
        self._fed_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._after_s, self._look)

    def stop(self) -> None:
        """Stop calling `on_quiet`."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        quiet_s = self._loop.time() - self._fed_s
        left_s = self._after_s - quiet_s
        if left_s <= TIMER_S:
            left_s = self._after_s
            self._on_quiet(quiet_s)
        self._timer = self._loop.call_later(left_s, self._look)
