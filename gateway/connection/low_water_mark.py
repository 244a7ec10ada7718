"""Lets the kernel wait until a learner's socket holds enough bytes to be useful (SO_RCVLOWAT).

A microphone sends fifty frames a second, but recognition can't use less than a window, which is longer than a frame.
When each frame was read from the socket by itself, the gateway took 1.3 to 1.5 times as much CPU time
(docs/adr/0027-less-machinery.md).

`bounded_protocol` lists what this file uses from inside uvicorn.
"""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from fastapi import WebSocket

from gateway.connection.direct_audio import EXTENSION as DIRECT_AUDIO
from gateway.connection.direct_audio import DirectAudio, DirectAudioProtocol

_EXTENSION = "aitalk.low_water_mark"  # the name in the ASGI scope


class LowWaterMark:
    """How many bytes one connection's socket must hold before it is read. At first 1, as with any socket.

    It has no effect if the system (Windows) or the kind of socket (Unix domain) has no low-water mark.
    """

    def __init__(self, transport: asyncio.BaseTransport | None = None) -> None:
        self._size = 1
        own = transport.get_extra_info("socket") if transport else None
        # A second socket object for the transport's descriptor. uvloop would make a new one for each option that we
        # set.
        self._socket = sockets.socket(fileno=own.fileno()) if own is not None else None

    def set(self, size: int) -> None:
        """Leave the socket alone until it holds `size` bytes or its client closes it.

        Until then everything that the client sends waits, so a caller that sets more than 1 must set 1 again in time.
        """
        if self._socket is None or size == self._size:
            return
        self._size = size
        with suppress(OSError):  # there is no such option on this system
            self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVLOWAT, size)

    def release(self) -> None:
        """Give up the descriptor, because the connection ends and the transport closes it."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None


def low_water_mark(websocket: WebSocket) -> LowWaterMark:
    """The mark of this WebSocket's connection. It has no effect if the connection is not served by our protocol."""
    mark: LowWaterMark | None = websocket.scope.get("extensions", {}).get(_EXTENSION)
    return mark or LowWaterMark()


class WebSocketProtocol(DirectAudioProtocol):
    """For uvicorn's setting `ws`: the bounded protocol, which also passes the connection's LowWaterMark and DirectAudio
    to the application."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        super().connection_made(transport)
        app, self._mark, self.direct_audio = self.app, LowWaterMark(transport), DirectAudio()

        async def extended(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {}).update({_EXTENSION: self._mark, DIRECT_AUDIO: self.direct_audio})
            await app(scope, receive, send)

        self.app = extended

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.direct_audio.stop()
        self._mark.release()
        super().connection_lost(exc)
