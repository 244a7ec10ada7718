"""A WebSocket and its session: frames into messages and audio, messages and audio into frames, until either ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from common.errors import InvalidInputError, ServiceError
from common.ids import WorkIds, working_on
from common.pcm import BYTES_PER_SAMPLE
from gateway import metrics
from gateway.admission.draining import Draining
from gateway.admission.limits import TooMuchError
from gateway.admission.waiting_room import Arrival
from gateway.audio import AudioDiagnostics, AudioInput, DebugRecorder, DecodedAudio
from gateway.closing import Closing
from gateway.config import GatewaySettings
from gateway.connection.fast_path import hand_over
from gateway.conversation.events import Expelled, Left
from gateway.conversation.session import Session, SessionOptions
from gateway.outbox import Outbox
from gateway.ports import Ports
from gateway.protocol import AnyClientMessage, EndConversation, Ping, Pong, read_client_message

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# Of the names that a client makes up, so much is logged.
NAMES, NAME_LENGTH = 10, 40

BROKEN = Closing(1011, "a bug ended the session; it is in the gateway's log")


async def converse(
    arrival: Arrival, ports: Ports, options: SessionOptions, settings: GatewaySettings, draining: Draining
) -> Closing:
    """Serve an accepted WebSocket to its end."""
    outbox = Outbox()
    with metrics.SESSIONS.track_inprogress():
        async with AudioInput(sample_rate_hz=options.asr_sample_rate_hz) as audio:
            ear = _Ear(options.asr_sample_rate_hz, save=settings.audio_debug)
            session = Session(
                ports,
                options,
                audio=audio,
                outbox=outbox,
                on_audio=ear.hears,
                session_id=arrival.session_id,
                subject=arrival.subject,
                on_resumed=arrival.carries_on,
            )
            with working_on(WorkIds(session.session_id)):
                logger.info("session %s connected", session.session_id)
                try:
                    with draining.knows(session):
                        closing = await _serve(arrival, session, audio, outbox, settings.max_frame_bytes)
                finally:
                    ear.close()
                logger.info("session %s: %s", session.session_id, closing.reason)
    return closing


async def _serve(
    arrival: Arrival, session: Session, audio: AudioInput, outbox: Outbox, max_frame_bytes: int
) -> Closing:
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_write(arrival.socket, outbox))
        reading = tasks.create_task(_Reader(arrival, session, audio, outbox, max_frame_bytes).read())
        try:
            closing = await session.run()
        except Exception:
            logger.exception("bug in session %s", session.session_id)
            closing = BROKEN
        reading.cancel()
        outbox.close()
        connected = await writing
        if connected:
            await _close(arrival.socket, closing)
    return closing


@dataclass
class _Reader:
    """Takes the learner's frames. What is wrong with one is answered at once."""

    arrival: Arrival
    session: Session
    audio: AudioInput
    outbox: Outbox
    max_frame_bytes: int
    has_ended: bool = False
    is_waiting: bool = False
    wait_for: Callable[[int], None] = field(init=False)

    async def read(self) -> None:
        """Until the learner is gone."""
        with hand_over(self.arrival.socket, self.take_at_once) as self.wait_for:
            self.audio.on_quiet = self.hear_all
            try:
                await self._read()
            finally:
                self.audio.on_quiet = lambda: None

    def hear_all(self) -> None:
        """A microphone that has fallen silent brings no more bytes for what comes to be heard with."""
        self.wait_for(1)

    def take_at_once(self, frames: list[bytes]) -> bool:
        """Plain audio, while nothing that came before it is being dealt with. False: it was not taken."""
        size = sum(map(len, frames))
        if self.has_ended or self.session.is_leaving or size > self.max_frame_bytes:
            return False
        if not (self.is_waiting and self.audio.takes_now(frames)):
            return False
        if not self.arrival.allowance.allows(len(frames), size):  # last: what is not taken now is counted later
            return False
        self.wait_for(self.audio.feed_now(frames))
        return True

    async def _read(self) -> None:
        while True:
            try:
                frame = await self._receive()
                if frame["type"] == "websocket.disconnect":
                    await self.session.post(Left())
                    return
                await self._take(frame)
            except TooMuchError as error:
                await self.outbox.report(error)
                await self.session.post(Expelled())
                return
            except ServiceError as error:
                await self.outbox.report(error)

    async def _receive(self) -> MutableMapping[str, Any]:
        self.is_waiting = True
        try:
            return await self.arrival.receive()
        finally:
            self.is_waiting = False
            self.hear_all()

    async def _take(self, frame: MutableMapping[str, Any]) -> None:
        data, text = frame.get("bytes"), frame.get("text")
        if data is None:
            data, is_audio = str(text).encode(), False
        else:
            is_audio = True
        if len(data) > self.max_frame_bytes:
            raise InvalidInputError(
                f"a message of {len(data)} bytes; send at most {self.max_frame_bytes} at once", code="frame_too_large"
            )
        if not is_audio:
            await self._take_message(read_client_message(data))
        elif not (self.has_ended or self.session.is_leaving):  # a microphone may run on for a moment
            await self.audio.feed(data)

    async def _take_message(self, message: AnyClientMessage) -> None:
        if unknown := list(message.unknown_fields()):
            metrics.UNKNOWN_FIELDS.labels(message.type).inc()
            named = ", ".join(repr(name[:NAME_LENGTH]) for name in unknown[:NAMES])
            logger.debug("%d unknown fields in a `%s` have no effect: %s", len(unknown), message.type, named)
        if isinstance(message, Ping):
            await self.outbox.send(Pong())
            return
        self.has_ended |= isinstance(message, EndConversation)
        await self.session.post(message)


async def _write(socket: WebSocket, outbox: Outbox) -> bool:
    """Send until the outbox is closed. Returns whether the learner is still there; one who has left is no error."""
    connected = True
    async for message in outbox:
        if not connected:
            continue  # the session may still be saying things while it ends
        try:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_text(message.model_dump_json(exclude_none=True))
        except (WebSocketDisconnect, RuntimeError):  # starlette raises the latter once it has seen the disconnect
            connected = False
    return connected


async def _close(socket: WebSocket, closing: Closing) -> None:
    try:
        await socket.close(closing.code, closing.reason)
    except (WebSocketDisconnect, RuntimeError):
        logger.debug("the learner closed first")


class _Ear:
    """Listens to a session's audio for the people who run the gateway: diagnostics, and a recording if asked for.

    Opened with the first audio, when a session that is carried on has got its id back.
    """

    def __init__(self, sample_rate_hz: int, *, save: bool) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._save = save
        self._diagnostics: AudioDiagnostics | None = None
        self._recorder: DebugRecorder | None = None
        self._pending = bytearray()
        self._latest: DecodedAudio | None = None

    def hears(self, session_id: str, audio: DecodedAudio) -> None:
        if self._diagnostics is None:
            self._diagnostics = AudioDiagnostics(session_id, self._sample_rate_hz)
            self._recorder = DebugRecorder(session_id, self._sample_rate_hz) if self._save else None
        if self._latest and self._is_other(self._latest, audio):
            self._look()
        self._pending += audio.pcm
        self._latest = audio
        if len(self._pending) >= LOOK_EVERY_S * self._sample_rate_hz * BYTES_PER_SAMPLE:
            self._look()

    def _look(self) -> None:
        """At what has come since last time: a look at each frame would cost more than to receive it."""
        pcm, self._pending = bytes(self._pending), bytearray()
        if not (pcm and self._latest and self._diagnostics):
            return
        metrics.AUDIO_SECONDS.inc(len(pcm) / BYTES_PER_SAMPLE / self._sample_rate_hz)
        self._diagnostics.add(replace(self._latest, pcm=pcm))
        if self._recorder:
            self._recorder.write(pcm)

    @staticmethod
    def _is_other(one: DecodedAudio, other: DecodedAudio) -> bool:
        return (one.codec, one.source_sample_rate_hz) != (other.codec, other.source_sample_rate_hz)

    def close(self) -> None:
        self._look()
        if self._diagnostics:
            self._diagnostics.summarize()
        if self._recorder:
            self._recorder.close()
