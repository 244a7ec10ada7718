"""Reads a learner's frames from the WebSocket: messages go to the session, audio to its AudioInput."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from common.errors import InvalidInputError, ServiceError
from gateway import metrics
from gateway.admission.limits import TooMuchError
from gateway.admission.waiting_room import Arrival
from gateway.audio import AudioInput
from gateway.connection.direct_audio import direct_audio
from gateway.connection.low_water_mark import low_water_mark
from gateway.conversation.events import Expelled, Left
from gateway.conversation.session import Session
from gateway.outbox import Outbox
from gateway.protocol import AnyClientMessage, EndConversation, Ping, Pong, read_client_message

logger = logging.getLogger(__name__)

# At most NAMES unknown field names go into the log, each cut to NAME_LENGTH characters.
NAMES, NAME_LENGTH = 10, 40


class FrameReader:
    """Reads the frames of one session. If something is wrong with a frame, the learner is told and the session goes
    on."""

    def __init__(
        self, arrival: Arrival, session: Session, audio: AudioInput, outbox: Outbox, *, max_frame_bytes: int
    ) -> None:
        self._arrival = arrival
        self._session = session
        self._audio = audio
        self._outbox = outbox
        self._max_frame_bytes = max_frame_bytes
        self._mark = low_water_mark(arrival.socket)
        self._direct = direct_audio(arrival.socket)
        self._is_waiting = False  # waiting for the next frame; otherwise an earlier frame is still being handled
        self._has_ended = False

    async def run(self) -> None:
        """Read until the learner is gone, or has sent more than the limits allow."""
        self._audio.on_quiet = self._expect_anything
        self._direct.take = self._take_at_once
        try:
            while await self._read_one():
                pass
        finally:
            self._direct.stop()
            self._audio.on_quiet = lambda: None
            self._expect_anything()

    def _expect_anything(self) -> None:
        """Read the socket as soon as a byte comes: it may be a message, or audio after a silence."""
        self._mark.set(1)

    async def _read_one(self) -> bool:
        """Read a frame and handle it. Returns False if no more frames are to be read."""
        try:
            frame = await self._next_frame()
            if frame["type"] == "websocket.disconnect":
                await self._session.post(Left())
                return False
            await self._take(frame)
        except TooMuchError as error:
            await self._outbox.report(error)
            await self._session.post(Expelled())
            return False
        except ServiceError as error:
            self._expect_anything()
            await self._outbox.report(error)
        return True

    async def _next_frame(self) -> MutableMapping[str, Any]:
        self._is_waiting = True
        try:
            return await self._arrival.receive()
        finally:
            self._is_waiting = False

    def _take_at_once(self, frames: list[bytes]) -> bool:
        """Take audio as it comes in. Returns False if `run` must take it instead: something is wrong with the audio,
        or it can't be taken yet."""
        audio = b"".join(frames)
        if not self._is_waiting or self._has_ended or self._session.is_leaving or len(audio) > self._max_frame_bytes:
            return False
        plain = self._audio.plain
        if not (plain.takes_at_once(frames) and self._arrival.allowance.take_at_once(len(frames), len(audio))):
            return False
        plain.feed_at_once(audio)
        self._mark.set(plain.missing_bytes)
        return True

    async def _take(self, frame: MutableMapping[str, Any]) -> None:
        audio = frame.get("bytes")
        data = str(frame.get("text")).encode() if audio is None else audio
        if len(data) > self._max_frame_bytes:
            raise InvalidInputError(
                f"a message of {len(data)} bytes; send at most {self._max_frame_bytes} at once", code="frame_too_large"
            )
        if audio is None:
            self._expect_anything()
            await self._take_message(read_client_message(data))
        elif self._has_ended or self._session.is_leaving:  # a microphone may go on sending for a moment
            self._expect_anything()
        else:
            await self._audio.feed(audio)
            self._mark.set(self._audio.plain.missing_bytes)

    async def _take_message(self, message: AnyClientMessage) -> None:
        if unknown := list(message.unknown_fields()):
            metrics.UNKNOWN_FIELDS.labels(message.type).inc()
            named = ", ".join(repr(name[:NAME_LENGTH]) for name in unknown[:NAMES])
            logger.debug("%d unknown fields in a `%s` have no effect: %s", len(unknown), message.type, named)
        if isinstance(message, Ping):
            await self._outbox.send(Pong())
            return
        self._has_ended |= isinstance(message, EndConversation)
        await self._session.post(message)
