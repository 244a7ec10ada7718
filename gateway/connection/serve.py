"""Serves one WebSocket: runs its session and sends its messages, until the session or the connection ends."""

from __future__ import annotations

import asyncio
import logging

from fastapi import WebSocket, WebSocketDisconnect

from common.ids import WorkIds, working_on
from gateway import metrics
from gateway.admission.draining import Draining
from gateway.admission.waiting_room import Arrival
from gateway.audio import AudioInput
from gateway.audio_monitor import AudioMonitor
from gateway.closing import Closing
from gateway.config import GatewaySettings
from gateway.connection.frame_reader import FrameReader
from gateway.conversation.session import Session, SessionOptions
from gateway.outbox import Outbox
from gateway.ports import Ports
from gateway.protocol import ServerMessage

logger = logging.getLogger(__name__)

BROKEN = Closing(1011, "a bug ended the session; it is in the gateway's log")


async def converse(
    arrival: Arrival, ports: Ports, options: SessionOptions, settings: GatewaySettings, draining: Draining
) -> Closing:
    """Serve an accepted WebSocket to its end. Returns why it ended."""
    outbox = Outbox()
    with metrics.SESSIONS.track_inprogress():
        async with AudioInput(sample_rate_hz=options.asr_sample_rate_hz) as audio:
            monitor = AudioMonitor(options.asr_sample_rate_hz, save=settings.audio_debug)
            session = Session(
                ports,
                options,
                audio=audio,
                outbox=outbox,
                on_audio=monitor.add,
                session_id=arrival.session_id,
                subject=arrival.subject,
                on_resumed=arrival.carries_on,
                needs_no_seat=arrival.gives_seat_back,
            )
            with working_on(WorkIds(session.session_id)):
                logger.info("session %s connected", session.session_id)
                try:
                    with draining.knows(session):
                        closing = await _serve(arrival, session, audio, outbox, settings.max_frame_bytes)
                finally:
                    monitor.close()
                logger.info("session %s: %s", session.session_id, closing.reason)
    return closing


async def _serve(
    arrival: Arrival, session: Session, audio: AudioInput, outbox: Outbox, max_frame_bytes: int
) -> Closing:
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_write(arrival.socket, outbox))
        reader = FrameReader(arrival, session, audio, outbox, max_frame_bytes=max_frame_bytes)
        reading = tasks.create_task(reader.run())
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


async def _write(socket: WebSocket, outbox: Outbox) -> bool:
    """Send until the outbox is closed. Returns whether the learner is still connected."""
    connected = True
    async for message in outbox:
        if not connected:
            continue  # the session may still send messages while it ends
        try:
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            elif isinstance(message, ServerMessage):
                await socket.send_text(message.model_dump_json(exclude_none=True))
        except (WebSocketDisconnect, RuntimeError):  # starlette raises RuntimeError once it has seen the disconnect
            connected = False
    return connected


async def _close(socket: WebSocket, closing: Closing) -> None:
    try:
        await socket.close(closing.code, closing.reason)
    except (WebSocketDisconnect, RuntimeError):
        logger.debug("the learner closed first")
