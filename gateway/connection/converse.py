"""Serves one WebSocket: runs its session and sends its messages, until the session or the connection ends."""

from __future__ import annotations

import asyncio

from fastapi import WebSocket, WebSocketDisconnect

from gateway.admission.draining import Draining
from gateway.admission.waiting_room import Arrival
from gateway.audio import AudioInput
from gateway.closing import Closing
from gateway.config import GatewaySettings
from gateway.connection.frame_reader import FrameReader
from gateway.conversation.session import Session
from gateway.conversation.session_options import SessionOptions
from gateway.live_sessions.live_session import close, live_session, run
from gateway.outbox import Outbox
from gateway.ports import Ports
from gateway.protocol import ServerMessage


async def converse(
    arrival: Arrival, ports: Ports, options: SessionOptions, settings: GatewaySettings, draining: Draining
) -> Closing:
    """Serve an accepted WebSocket to its end. Returns why it ended."""
    outbox = Outbox()
    async with AudioInput(sample_rate_hz=options.asr_sample_rate_hz) as audio:
        with live_session(arrival, ports, options, settings, draining, audio=audio, outbox=outbox) as session:
            return await _serve(arrival, session, audio, outbox, settings.max_frame_bytes)


async def _serve(
    arrival: Arrival, session: Session, audio: AudioInput, outbox: Outbox, max_frame_bytes: int
) -> Closing:
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_write(arrival.socket, outbox))
        reader = FrameReader(arrival, session, audio, outbox, max_frame_bytes=max_frame_bytes)
        helping = [tasks.create_task(reader.run()), tasks.create_task(arrival.allowance.time.watch(session))]
        closing = await run(session)
        for task in helping:
            task.cancel()
        outbox.close()
        connected = await writing
        if connected:
            await close(arrival.socket, closing)
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
