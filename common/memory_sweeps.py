"""Gives back the memory that large calls leave behind in a process.

After one gRPC message of 60 MB, 170 MB stayed in the process: gRPC's own heap keeps what was freed, and an error keeps
the message in a reference cycle until the garbage collector finds it. That takes long, because
`collect_garbage_rarely` makes collections rare.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

import psutil

from common.heap import give_back
from common.metrics import SWEEPS

LOOK_EVERY_S = 2.0
GROWN_MB = 32.0
"""The least growth that is worth a sweep, which takes some milliseconds."""
FREED_MB = 8.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 600.0


class SweepPlan:
    """Decides when to sweep: if the process has grown by GROWN_MB since it was smallest.

    If a sweep frees little, the memory is in use. Then the pause before the next sweep is twice as long.
    """

    def __init__(self, size_mb: float, now: Callable[[], float] = time.monotonic) -> None:
        self._smallest_mb = size_mb
        self._now = now
        self._pause_s = FIRST_PAUSE_S
        self._next_s = now()

    def is_due(self, size_mb: float) -> bool:
        """Whether a process of this size should sweep now."""
        return size_mb >= self._smallest_mb + GROWN_MB and self._now() >= self._next_s

    def swept(self, before_mb: float, after_mb: float) -> None:
        """Note that a sweep has changed the size."""
        self._smallest_mb = min(self._smallest_mb, after_mb)
        useful = before_mb - after_mb >= FREED_MB
        self._pause_s = FIRST_PAUSE_S if useful else min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._next_s = self._now() + self._pause_s


async def keep_small(service: str) -> None:
    """Sweep whenever it is due, until cancelled. service: the label in the metrics."""
    process = psutil.Process()
    plan = SweepPlan(_size_mb(process))
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if plan.is_due(before_mb := _size_mb(process)):
            gc.collect()
            await asyncio.to_thread(give_back)
            SWEEPS.labels(service).inc()
            plan.swept(before_mb, _size_mb(process))


def _size_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6
