"""Ends connections whose clients read nothing. Otherwise, what is written for them would stay in memory, and their
seats would be kept."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway import metrics

# A client that reads nothing for this long counts as gone.
STALLED_S = 30.0


class StallGuard(asyncio.Protocol):
    """Put this before one of uvicorn's protocols in the list of base classes."""

    stalled_s = STALLED_S
    loop: asyncio.AbstractEventLoop
    transport: Any
    _stalled: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called by the transport when the client reads too slowly."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stalled_s, self._end_stalled)

    def resume_writing(self) -> None:
        """Called by the transport when the client has read enough."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _end_stalled(self) -> None:
        metrics.CONNECTIONS_ENDED.labels("stalled").inc()
        self.transport.abort()
