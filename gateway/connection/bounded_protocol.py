"""uvicorn's WebSocket protocol, with limits on everything that a client may send besides whole messages.

The files of this folder use names from inside uvicorn and websockets, so pyproject.toml bounds the versions of both.
These are the names:

    uvicorn's WebSocket protocol  app, close_sent, close_timeout, conn, curr_msg_data_type, disconnected, frames,
                                  handle_close, handle_cont, handle_parser_exception, handle_ping, handle_pong,
                                  handle_text, handshake_initiated, keepalive_timeout, loop, on_task_complete, queue,
                                  send_receive_event_to_app, transport
    uvicorn's HTTP protocol       loop, on_body, on_headers_complete, on_message_begin, on_message_complete,
                                  send_400_response, transport
    websockets                    of `conn`: data_to_send, fail, handshake_exc, reader.buffer; frames.CloseCode,
                                  frames.Frame
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from gateway import metrics
from gateway.connection.stall_guard import StallGuard
from gateway.connection.wire_limits import WireLimits

# How long a client may take to read what was written before the close.
FLUSH_S = 5.0


class BoundedProtocol(StallGuard, WebSocketsSansIOProtocol):
    """Ends connections whose clients send too many control frames or fragments, send endless messages, or read
    nothing."""

    flush_s = FLUSH_S
    _last: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        super().connection_made(transport)
        self._limits = WireLimits(self.loop.time)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if self._last is not None:
            self._last.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated:
            self._refuse_handshake()
            return
        rest = len(self.conn.reader.buffer)  # bytes of an incomplete frame
        begins = not self.frames and rest < len(data)
        self._accept_or_end(self._limits.read(is_unfinished=bool(rest or self.frames), begins=begins))

    def handle_ping(self) -> None:
        """Called for each ping."""
        if self._accept_or_end(self._limits.control_frame()):
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Called for each pong."""
        if self._accept_or_end(self._limits.control_frame()):
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Called for each further frame of a message."""
        if self._accept_or_end(self._limits.fragment(is_last=event.fin)):
            super().handle_cont(event)

    def keepalive_timeout(self) -> None:
        """Called when a ping was not answered."""
        super().keepalive_timeout()
        self._abort_later(self.flush_s)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Called when the application is done with the connection, which then closes."""
        super().on_task_complete(task)
        if not self.disconnected:
            self._abort_later(self.close_timeout + self.flush_s)

    def _refuse_handshake(self) -> None:
        """Answer a handshake that can't be read, for example because one of its lines is longer than 8 KiB.

        uvicorn would leave the connection open, without an answer.
        """
        if not self.transport.is_closing():
            metrics.CONNECTIONS_ENDED.labels("too_much").inc()
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def _accept_or_end(self, reason: str) -> bool:
        """Accept a frame, or end the connection. reason: why it ends; empty: accept. Returns whether it accepts."""
        if self.close_sent:
            return not reason
        if reason:
            metrics.CONNECTIONS_ENDED.labels("too_much").inc()
            self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
            self.handle_parser_exception()
            self._abort_later(self.flush_s)
        return not reason

    def _abort_later(self, delay_s: float) -> None:
        """Abort the connection after `delay_s`. A close alone waits until the client has read what was written, so a
        client that reads nothing would keep the connection open for ever."""
        if self._last is None:
            transport: Any = self.transport
            self._last = self.loop.call_later(delay_s, transport.abort)
