"""Notices that no audio has come for a while, as when the microphone is switched off or the network is interrupted."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from gateway.audio.cadence import Cadence

TIMER_S = 0.002  # a wait no longer than this counts as over, because an event loop's timers count milliseconds


class QuietWatch:
    """After the first `begin_slice`, calls `on_gap` each time that nothing came for `after_s`.

    after_s: set it before the first audio; without it, `on_gap` is never called.

    A single timer looks at the clock, because a new timer for each frame would cost more than the frame.
    """

    def __init__(self, on_gap: Callable[[], None]) -> None:
        self.after_s = math.inf
        self._on_gap = on_gap
        self._loop = asyncio.get_running_loop()
        self._cadence = Cadence()
        self._came_s = 0.0
        self._taken_s = 0.0  # how much of the present silence `take_silence_s` has returned
        self._timer: asyncio.TimerHandle | None = None

    def begin_slice(self) -> None:
        """Bytes have come: a slice begins. The following calls of `heard` say how much audio it contains."""
        self._came_s, self._taken_s = self._loop.time(), 0.0
        self._cadence.begin_slice()
        if self._timer is None and self.after_s < math.inf:
            self._timer = self._loop.call_later(self.after_s, self._look)

    def heard(self, seconds: float) -> None:
        """The present slice contains this much more audio."""
        self._cadence.heard(seconds)

    def take_silence_s(self) -> float:
        """How long the client has sent nothing, less what earlier calls returned. 0 while the pause may be explained
        by the client's slices or a stalled network."""
        quiet_s = self._loop.time() - self._came_s
        if quiet_s <= self._cadence.patience_s:
            return 0.0
        taken_s, self._taken_s = self._taken_s, quiet_s
        return quiet_s - taken_s

    def stop(self) -> None:
        """Stop calling `on_gap`."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        left_s = self.after_s - (self._loop.time() - self._came_s)
        if left_s <= TIMER_S:
            left_s = self.after_s
            self._on_gap()
        self._timer = self._loop.call_later(left_s, self._look)
