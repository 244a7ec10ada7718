"""Gives each HTTP request a connection of its own, and closes the connection with the request.

The pool of httpx (httpcore 1.0.9) loses connections: if a request is cancelled just after its connection was opened,
the pool keeps the connection open for ever (findings/httpx_keeps_connections_of_cancelled_requests.sh). Each
interruption cancels a request. Here a pool has only one connection, and is closed with its request.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx

# llama.cpp closes a connection after a stream without announcing it. A request over such a connection fails in the same
# way as one that the server has begun to work on, and can't simply be repeated. So no connection is used twice.
_ONCE = httpx.Limits(max_keepalive_connections=0)


class OwnConnection(httpx.AsyncBaseTransport):
    """A transport for httpx. proxy: the URL of the proxy; None: none. verify: as in httpx."""

    def __init__(self, *, proxy: str | None, verify: ssl.SSLContext | bool) -> None:
        self._proxy = proxy
        self._verify = httpx.create_ssl_context(verify)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request over a new connection. Closing the response closes the connection."""
        pool = httpx.AsyncHTTPTransport(verify=self._verify, proxy=self._proxy, trust_env=False, limits=_ONCE)
        try:
            response = await pool.handle_async_request(request)
        except BaseException:
            await pool.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        response.stream = _Stream(response.stream, pool)
        return response


class _Stream(httpx.AsyncByteStream):
    """The body of a response. Closing it closes the connection."""

    def __init__(self, stream: httpx.AsyncByteStream, pool: httpx.AsyncHTTPTransport) -> None:
        self._stream = stream
        self._pool = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._pool.aclose()
