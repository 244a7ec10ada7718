"""uvicorn's WebSocket protocol, with bounds on what a client may cost apart from its messages.

It uses names from inside uvicorn (the `handle_…` methods, `conn`, `close_sent`); pyproject.toml bounds its version.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from gateway import metrics
from gateway.connection.wire_limits import WireLimits

# A client that reads nothing for this long is gone. What is written for it must not stay in memory.
STALLED_S = 30.0
# How long a close waits for the client to read what was written before it.
FLUSH_S = 5.0


class BoundedProtocol(WebSocketsSansIOProtocol):
    """Ends connections that send too many control frames or fragments or endless messages, and those that nobody
    reads."""

    stalled_s = STALLED_S
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        super().connection_made(transport)
        self._limits = WireLimits(self.loop.time)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:
            self._refuse_handshake()
            return
        self._is_allowed(self._limits.read(is_unfinished=bool(self.conn.reader.buffer or self.frames)))

    def handle_ping(self) -> None:
        """Called for each ping."""
        if self._is_allowed(self._limits.control_frame()):
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Called for each pong."""
        if self._is_allowed(self._limits.control_frame()):
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Called for each further frame of a message."""
        if self._is_allowed(self._limits.fragment(is_last=event.fin)):
            super().handle_cont(event)

    def pause_writing(self) -> None:
        """Called by the transport when the client reads too slowly."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stalled_s, self._abort, "stalled")

    def resume_writing(self) -> None:
        """Called by the transport when the client has read enough."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def keepalive_timeout(self) -> None:
        """Called when a ping was not answered."""
        super().keepalive_timeout()
        self.loop.call_later(FLUSH_S, self._abort, "")

    def _refuse_handshake(self) -> None:
        """Answer a handshake that can't be read, for example with a line of more than 8 KiB. uvicorn would leave the
        connection open, without an answer."""
        if not self.transport.is_closing():
            metrics.CONNECTIONS_ENDED.labels("too_much").inc()
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def _is_allowed(self, reason: str) -> bool:
        """Whether to accept a frame. reason: why not; the connection then ends. Empty: accept it."""
        if self.close_sent:
            return not reason
        if reason:
            metrics.CONNECTIONS_ENDED.labels("too_much").inc()
            self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
            self.handle_parser_exception()
            self.loop.call_later(FLUSH_S, self._abort, "")
        return not reason

    def _abort(self, reason: str) -> None:
        """Close at once, without waiting until the client has read what was written."""
        if reason:
            metrics.CONNECTIONS_ENDED.labels(reason).inc()
        transport: Any = self.transport
        transport.abort()
