"""uvicorn's HTTP protocol, with bounds on everything in a request but its body. `openai_api.body_limit` bounds the
body. HTTP/2 is refused with an explanation."""

from __future__ import annotations

import asyncio
import logging

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway import metrics
from gateway.connection.stall_guard import StallGuard

logger = logging.getLogger(__name__)

# The most bytes in a row outside a body: the head of a request, the trailers after the body, and what surrounds a
# chunk. uvicorn and its parser have no limit, and collect the head in memory.
MAX_HEAD_BYTES = 64 * 1024

_HTTP2 = b"PRI * HTTP/2.0\r\n"  # how a connection of HTTP/2 begins (RFC 9113)
_NO_HTTP2 = "The gateway speaks HTTP/1.1 without TLS; set the proxy in front of it to that.\n"
_ANSWER_TO_HTTP2 = (
    "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    f"Content-Length: {len(_NO_HTTP2)}\r\n\r\n{_NO_HTTP2}"
).encode()


class HttpProtocol(StallGuard, HttpToolsProtocol):
    """For uvicorn's setting `http`. Ends a connection that sends no request, or whose request has a head that is too
    slow or too long, or whose client does not read the answer."""

    # The longest time from the connection, or from the first byte of a later request, to the end of the head.
    request_s = 10.0
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._stop_expecting_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if data.startswith(_HTTP2):
            logger.warning("a proxy speaks HTTP/2 to the gateway; set the proxy to HTTP/1.1 (docs/compatibility.md)")
            self.transport.write(_ANSWER_TO_HTTP2)
            self.transport.close()
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            metrics.CONNECTIONS_ENDED.labels("too_much").inc()
            self.send_400_response(f"The head of the request has more than {MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a request."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._stop_expecting_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each part of the body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._head_bytes = 0
        super().on_message_complete()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.request_s, self._give_up)

    def _stop_expecting_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self.transport.abort()
