"""What both WebSocket routes do with a connection's session: set it up, run it, and close the connection."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import WebSocket, WebSocketDisconnect

from common.ids import WorkIds, working_on
from gateway import metrics
from gateway.admission.draining import Draining
from gateway.admission.waiting_room import Arrival
from gateway.audio import AudioInput
from gateway.closing import BROKEN, Closing
from gateway.config import GatewaySettings
from gateway.conversation.session import Session
from gateway.conversation.session_options import SessionOptions
from gateway.live_sessions.audio_monitor import AudioMonitor
from gateway.live_sessions.sweeping import SWEEPER
from gateway.outbox import Outbox
from gateway.ports import Ports

logger = logging.getLogger(__name__)


@contextmanager
def live_session(
    arrival: Arrival,
    ports: Ports,
    options: SessionOptions,
    settings: GatewaySettings,
    draining: Draining,
    *,
    audio: AudioInput,
    outbox: Outbox,
    resume_token: str = "",
) -> Iterator[Session]:
    """The session of a connection. Within the block it counts as live, and a gateway that shuts down waits for it.

    resume_token: a client needs it to resume the session; empty: the session makes one.
    """
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
        resume_token=resume_token,
    )
    with metrics.SESSIONS.track_inprogress(), working_on(WorkIds(session.session_id)):
        logger.info("session %s connected", session.session_id)
        SWEEPER.session_begins()
        try:
            with draining.counting(session):
                yield session
        finally:
            monitor.close()
            SWEEPER.session_ends()


async def run(session: Session) -> Closing:
    """Run the session until it ends or a bug ends it. Returns why it ended."""
    try:
        closing = await session.run()
    except Exception:
        logger.exception("bug in session %s", session.session_id)
        closing = BROKEN
    logger.info("session %s: %s", session.session_id, closing.reason)
    return closing


async def close(socket: WebSocket, closing: Closing) -> None:
    """Close the connection, unless the client has closed it."""
    try:
        await socket.close(closing.code, closing.reason)
    except (WebSocketDisconnect, RuntimeError):
        logger.debug("the client closed first")
