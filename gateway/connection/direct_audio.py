"""Hands a learner's audio to its reader in the same turn of the event loop in which it came.

A microphone sends fifty frames a second. uvicorn puts each message into a queue, stops reading the socket, and wakes
the application's task, which then lets the socket be read again. For audio that only waits for the end of its window
this costs more than everything else that the gateway does with it (docs/adr/0041-audio-without-a-queue.md).

This file depends on uvicorn's internals, as `bounded_protocol` does.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import WebSocket

from gateway.connection.bounded_protocol import BoundedProtocol

EXTENSION = "aitalk.direct_audio"  # of the ASGI scope


def _refuse(_: bytes) -> bool:
    return False


class DirectAudio:
    """Who takes one connection's audio.

    take: called with each binary message while no earlier message waits to be received. It returns False if the message
    must be received as any other.
    """

    def __init__(self) -> None:
        self.take: Callable[[bytes], bool] = _refuse

    def stop(self) -> None:
        """From now on, all audio is received as other messages are."""
        self.take = _refuse


def direct_audio(websocket: WebSocket) -> DirectAudio:
    """For this WebSocket's connection; without effect if the connection is not served by our protocol."""
    direct: DirectAudio | None = websocket.scope.get("extensions", {}).get(EXTENSION)
    return direct or DirectAudio()


class DirectAudioProtocol(BoundedProtocol):
    """uvicorn's protocol, which asks `direct_audio` before it queues a binary message."""

    direct_audio: DirectAudio

    def send_receive_event_to_app(self) -> None:
        """Called for each complete message."""
        if self.curr_msg_data_type == "bytes" and self.queue.empty() and not self.close_sent:
            data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
            if self.direct_audio.take(data):
                self.frames = []
                return
        super().send_receive_event_to_app()
