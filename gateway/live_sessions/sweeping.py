"""Frees the memory of sessions that have ended.

The parts of a session refer to one another, so only the garbage collector can free them. `collect_garbage_rarely` makes
collections rare, so without sweeps the memory of several hundred ended sessions would wait to be freed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

from common.heap import give_back
from gateway import metrics

LEAST_ENDED = 20
"""While sessions are live, a sweep needs at least this many ended ones, because it takes about ten milliseconds, in
which nobody is served."""
SHARE_ENDED = 0.25
"""With many live sessions a sweep takes longer. So it waits until the ended sessions are at least this share of the
live ones."""


def _free() -> None:
    gc.collect()
    give_back()


class Sweeper:
    """Counts the sessions that end, and calls `free` when there are enough of them, or when no session is left."""

    def __init__(self, free: Callable[[], None] = _free) -> None:
        self._free = free
        self._live = 0
        self._ended = 0

    def session_begins(self) -> None:
        """A session begins."""
        self._live += 1

    def session_ends(self) -> None:
        """A session has ended. A sweep frees it now, or later together with others."""
        self._live -= 1
        self._ended += 1
        if self._live == 0 or self._ended >= max(LEAST_ENDED, SHARE_ENDED * self._live):
            self._ended = 0
            metrics.SWEEPS.inc()
            self._free()


SWEEPER = Sweeper()
"""The sweeper of this process. There is only one, because a process has one collector."""
