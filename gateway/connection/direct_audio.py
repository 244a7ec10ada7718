"""Hands a learner's audio to its reader in the same iteration of the event loop in which it came.

A microphone sends fifty frames a second. uvicorn puts each message into a queue, stops reading the socket, and wakes
the application's task, which then lets the socket be read again. For audio that only waits for the end of its window,
this costs more than all other work on that audio (docs/adr/0041-audio-without-a-queue.md). Calling the reader for each
frame would cost as much, so it is called once for all frames that were read from the socket together.

`bounded_protocol` lists what this file uses from inside uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import WebSocket
from websockets.frames import Frame

from gateway.connection.bounded_protocol import BoundedProtocol

EXTENSION = "aitalk.direct_audio"  # the name in the ASGI scope


def _refuse(_: list[bytes]) -> bool:
    return False


class DirectAudio:
    """Takes one connection's audio.

    take: called with all binary messages that were read from the socket together, if no earlier message waits to be
    received. It returns False if they must be received like any other message.
    """

    def __init__(self) -> None:
        self.take: Callable[[list[bytes]], bool] = _refuse

    def stop(self) -> None:
        """From now on, all audio is received like other messages."""
        self.take = _refuse


def direct_audio(websocket: WebSocket) -> DirectAudio:
    """The DirectAudio of this WebSocket's connection. It has no effect if the connection is not served by our
    protocol."""
    direct: DirectAudio | None = websocket.scope.get("extensions", {}).get(EXTENSION)
    return direct or DirectAudio()


class DirectAudioProtocol(BoundedProtocol):
    """uvicorn's protocol, which asks `direct_audio` before it queues binary messages."""

    direct_audio: DirectAudio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        super().connection_made(transport)
        self._audio: list[bytes] = []  # the binary messages of the present read

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        super().data_received(data)
        self._deliver()

    def handle_text(self, event: Frame) -> None:
        """Called for the first frame of a text message."""
        self._deliver()
        super().handle_text(event)

    def handle_close(self, event: Frame) -> None:
        """Called when the client closes the connection."""
        self._deliver()
        super().handle_close(event)

    def send_receive_event_to_app(self) -> None:
        """Called for each complete message."""
        if self.curr_msg_data_type == "bytes" and self.queue.empty() and not self.close_sent:
            self._audio.append(self.frames[0] if len(self.frames) == 1 else b"".join(self.frames))
            self.frames = []
        else:
            super().send_receive_event_to_app()

    def _deliver(self) -> None:
        """Deliver the audio so far, before anything that came after it is handled."""
        audio, self._audio = self._audio, []
        if not audio or self.direct_audio.take(audio):
            return
        unfinished = self.frames, self.curr_msg_data_type
        for message in audio:
            self.frames, self.curr_msg_data_type = [message], "bytes"
            super().send_receive_event_to_app()
        self.frames, self.curr_msg_data_type = unfinished
