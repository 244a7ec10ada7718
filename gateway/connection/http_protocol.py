"""HTTP of uvicorn, which also ends connections that don't send a request."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HttpProtocol(HttpToolsProtocol):
    """For uvicorn's setting `http`."""

    request_s = 10.0  # from the connection to the end of its first request's headers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(self.request_s, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._patience.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        # After an upgrade another protocol has the transport.
        cycle: object | None = self.cycle
        if cycle is None and self.transport.get_protocol() is self:
            self.transport.abort()
