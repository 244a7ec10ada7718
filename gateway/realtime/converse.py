"""Serves one Realtime WebSocket: runs its session, and reads and sends the events, until the session or the connection
ends."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from fastapi import WebSocketDisconnect

from common.bucket import BURST_S
from common.errors import InvalidInputError, ServiceError
from gateway import metrics
from gateway.admission.draining import Draining
from gateway.admission.limits import Allowance, TooMuchError
from gateway.admission.waiting_room import Arrival
from gateway.audio import AudioInput
from gateway.closing import Closing
from gateway.config import GatewaySettings
from gateway.conversation.events import Expelled, Left
from gateway.conversation.session import Session
from gateway.conversation.session_options import SessionOptions
from gateway.live_sessions.live_session import close, live_session, run
from gateway.openai_common.voices import voice_named
from gateway.outbox import Outbox
from gateway.ports import Ports, Services
from gateway.protocol import Connected, ErrorMessage, Resumed, Start
from gateway.realtime import server_events
from gateway.realtime.audio import PCM_RATE_HZ
from gateway.realtime.client_events import BufferAppend, read_client_event
from gateway.realtime.errors import ClientError
from gateway.realtime.server_events import Event
from gateway.realtime.session_config import SessionConfig
from gateway.realtime.translator import Translator
from gateway.reply.prompt import Briefing, system_prompt


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection begins. resume: the id of the session to resume; empty: a new session.

    resume_token: only a client with the same token can resume the session.
    """

    config: SessionConfig
    resume: str
    resume_token: str


@dataclass(frozen=True, slots=True)
class Shared:
    """The objects that all Realtime connections share."""

    ports: Ports
    options: SessionOptions
    settings: GatewaySettings
    draining: Draining
    services: Services

    async def find_voice(self, wanted: str) -> str:
        """The id of the voice that a client names.

        If no voice has this name, this is the default voice. It is empty if there are no voices, and the name itself if
        the speech synthesis is unavailable.
        """
        try:
            voices = await self.services.voices()
        except ServiceError:
            return wanted
        return voice_named(wanted, voices) or (str(voices[0]["id"]) if voices else "")


async def converse(arrival: Arrival, opening: Opening, shared: Shared) -> Closing:
    """Serve an accepted WebSocket to its end. Returns why it ended."""
    metrics.REALTIME_SESSIONS.labels(opening.config.type).inc()
    options = replace(shared.options, help_after_s=0.0, reply=replace(shared.options.reply, sample_rate_hz=PCM_RATE_HZ))
    rate_hz = options.asr_sample_rate_hz
    outbox = Outbox(with_notices=True)
    async with AudioInput(sample_rate_hz=rate_hz, encoding="pcm_s16le", pcm_sample_rate_hz=rate_hz) as audio:
        with live_session(
            arrival,
            shared.ports,
            options,
            shared.settings,
            shared.draining,
            audio=audio,
            outbox=outbox,
            resume_token=opening.resume_token,
        ) as session:
            return await _Connection(arrival, opening, shared, session, audio, outbox).serve()


class _Connection:
    """One socket and its session."""

    def __init__(
        self, arrival: Arrival, opening: Opening, shared: Shared, session: Session, audio: AudioInput, outbox: Outbox
    ) -> None:
        self._arrival = arrival
        self._opening = opening
        self._session = session
        self._outbox = outbox
        self._max_frame_bytes = shared.settings.max_frame_bytes
        self._is_connected = True
        self._is_ready = asyncio.Event()  # set when the session exists, new or resumed
        self._translator = Translator(
            session,
            audio,
            self._send,
            config=opening.config,
            find_voice=shared.find_voice,
            languages=shared.ports.languages,
            sample_rate_hz=PCM_RATE_HZ,
            max_tokens=shared.options.reply.max_tokens,
            rate_limits=lambda: rate_limits(arrival.allowance),
            default_instructions=system_prompt(
                Briefing(is_small=shared.ports.llm.is_small, is_trained=shared.ports.llm.is_trained)
            ),
        )

    async def serve(self) -> Closing:
        """Run until the session or the connection ends."""
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write())
            watching = self._arrival.allowance.time.watch(self._session)
            helping = [tasks.create_task(task) for task in (self._read(), self._translator.idle.run(), watching)]
            closing = await run(self._session)
            for task in helping:
                task.cancel()
            self._outbox.close()
            await writing
            if self._is_connected:
                await close(self._arrival.socket, closing)
        return closing

    # --- out ------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Send the session's messages as events until the outbox is closed."""
        async for message in self._outbox:
            events = self._translator.on_core(message)
            if isinstance(message, Resumed | ErrorMessage) or (
                isinstance(message, Connected) and not self._opening.resume
            ):
                self._is_ready.set()
            await self._send(events)

    async def _send(self, events: list[Event]) -> None:
        for event in events:
            if not self._is_connected:
                return
            try:
                await self._arrival.socket.send_text(encoded(event))
            except (WebSocketDisconnect, RuntimeError):  # starlette raises RuntimeError once it has seen the disconnect
                self._is_connected = False

    # --- in -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Carry out the client's events until it disconnects or exceeds the limits."""
        if self._opening.resume:
            start = Start(type="start", session_id=self._opening.resume, resume_token=self._opening.resume_token)
            await self._session.post(start)
        await self._is_ready.wait()
        await self._translator.begin()
        while await self._read_one():
            pass

    async def _read_one(self) -> bool:
        """Read and carry out one event. False: there are no more events."""
        try:
            frame = await self._arrival.receive()
        except TooMuchError as error:
            await self._send([server_events.error(error)])
            await self._session.post(Expelled())
            return False
        if frame["type"] == "websocket.disconnect":
            await self._session.post(Left())
            return False
        await self._take(frame.get("text"))
        return True

    async def _take(self, data: str | None) -> None:
        event_id = None
        try:
            if data is None:
                raise ClientError("an event is a text frame; send audio as base64 in `input_audio_buffer.append`")
            if len(data) > self._max_frame_bytes:
                raise InvalidInputError(
                    f"the event has {len(data)} bytes; send at most {self._max_frame_bytes} at once",
                    code="frame_too_large",
                )
            event = read_client_event(data)
            event_id = event.event_id
            if not (self._session.is_leaving and isinstance(event, BufferAppend)):
                await self._translator.on_client(event)
        except ServiceError as error:
            metrics.ERRORS.labels(error.code).inc()
            named = error.event_id if isinstance(error, ClientError) else None
            await self._send([server_events.error(error, named or event_id)])


def encoded(event: Event) -> str:
    """The event as JSON text."""
    return json.dumps({"event_id": f"event_{secrets.token_hex(8)}", **event}, ensure_ascii=False)


def rate_limits(allowance: Allowance) -> list[dict[str, Any]]:
    """The rest of a connection's allowance: how many more events it may send."""
    bucket = allowance.messages
    most = bucket.rate * BURST_S
    reset_s = round((most - bucket.left) / bucket.rate, 3)
    return [{"name": "requests", "limit": int(most), "remaining": int(bucket.left), "reset_seconds": reset_s}]
