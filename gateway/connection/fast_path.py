"""uvicorn's WebSocket protocol with a short way for a learner's audio.

A microphone sends fifty frames a second, and nearly every one comes whole; where the event loop is busy, two or three
at once. uvicorn has each parsed by a chain of generators, stops reading the socket until the application has taken it,
and wakes the application's task for it, though most frames only wait there for the next one. Here such frames are cut
in one go and handed over at once, if the application has said to whom (`hand_over`); and it may have the socket left
alone until so much has come that there is a use for it. Whatever else comes goes the long way, as does what can't be
taken at once.
"""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, cast

from fastapi import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.frames import apply_mask as unmask  # type: ignore[attr-defined]  # in C where there is that
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

# So many messages may wait for the application; then the socket is left alone until it has taken all.
MAX_WAITING = 8
_EXTENSION = "aitalk.hand_over"  # of the ASGI scope
_FINAL_BINARY = 0x82
_MASKED = 0x80
_MASK_BYTES = 4


@contextmanager
def hand_over(socket: WebSocket, take: Callable[[list[bytes]], bool]) -> Iterator[Callable[[int], None]]:
    """Within the block `take` is called with the binary messages that one read brings while none waits to be received,
    and says whether it took them; else they are received as ever.

    The block is given a function that says how many bytes are to come before the socket is read again; whoever asks for
    more than one must ask for one in time, as all that comes is left to wait, but for the end of the connection. Where
    the system or the kind of socket doesn't know of this, the socket is read as ever.

    Without effect under another protocol than ours.
    """
    protocol = socket.scope.get("extensions", {}).get(_EXTENSION)
    if protocol is None:
        yield lambda _: None
        return
    protocol.take = take
    try:
        yield protocol.wait_for
    finally:
        protocol.take = None
        protocol.wait_for(1)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """For uvicorn's setting `ws`. Without extensions: `ws_per_message_deflate` has no effect."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.take: Callable[[list[bytes]], bool] | None = None
        self._waits_for = 1
        self._socket: sockets.socket | None = None  # the transport's; uvloop would make one anew for each option set
        self.conn: _Frames = _Frames(max_size=self.config.ws_max_size, logger=self.conn.logger)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            cast("dict[str, Any]", self.scope["extensions"])[_EXTENSION] = self

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if (socket := transport.get_extra_info("socket")) is not None:
            self._socket = sockets.socket(fileno=socket.fileno())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._socket is not None:
            self._socket.detach()  # the transport closes it, after this
            self._socket = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.conn.is_between_messages or (messages := _whole_binary_messages(data)) is None:
            super().data_received(data)
            return
        if self.take and self.queue.empty() and self.take(messages):
            return
        for audio in messages:
            self.queue.put_nowait({"type": "websocket.receive", "bytes": audio})
        if self.queue.qsize() >= MAX_WAITING and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def wait_for(self, size: int) -> None:
        """The socket is to be read when it holds so many bytes."""
        if self._socket is None or size == self._waits_for:
            return
        self._waits_for = size
        with suppress(OSError):  # there is no such thing on this system
            self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVLOWAT, size)


class _Frames(ServerProtocol):
    """Knows whether the next byte begins a message."""

    _is_whole = False

    @property
    def is_between_messages(self) -> bool:
        return self._is_whole and self.state is OPEN

    def receive_data(self, data: bytes | bytearray) -> None:
        self._is_whole = False
        super().receive_data(data)

    def recv_frame(self, frame: Frame) -> None:
        super().recv_frame(frame)
        self._is_whole = not self.reader.buffer and self.current_size is None


def _whole_binary_messages(data: bytes) -> list[bytes] | None:
    """The payloads, if `data` is whole, unfragmented, masked binary frames of less than 64 KiB each and nothing else
    (RFC 6455, section 5.2).
    """
    messages, at = [], 0
    while at < len(data):
        if len(data) - at < 2 + _MASK_BYTES or data[at] != _FINAL_BINARY or data[at + 1] < _MASKED:
            return None
        size, begin = data[at + 1] - _MASKED, at + 2
        if size == 126:
            size, begin = int.from_bytes(data[begin : begin + 2], "big"), at + 4
        elif size == 127:
            return None
        payload = begin + _MASK_BYTES
        at = payload + size
        if at > len(data):
            return None
        messages.append(bytes(unmask(data[payload:at], data[begin:payload])))
    return messages
