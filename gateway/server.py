"""Runs the gateway's server until its learners are handed over."""

from __future__ import annotations

import asyncio
import os
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from common.addresses import join, listen
from gateway.admission.draining import Draining
from gateway.app import connect, create_app
from gateway.config import GatewaySettings
from gateway.connection.http_protocol import HttpProtocol
from gateway.connection.logged_urls import hide_queries
from gateway.connection.low_water_mark import WebSocketProtocol

# A message above MAX_FRAME_BYTES gets an error. A message above this, or above MAX_FRAME_BYTES if that is larger,
# closes the WebSocket with code 1009.
WEBSOCKET_MAX_BYTES = 16 * 1024 * 1024
BACKLOG = 2048  # the most connections that wait to be accepted


class DrainingServer(uvicorn.Server):
    """A uvicorn server that, after the first signal, serves until every session is handed over. A second signal ends it
    at once."""

    def __init__(self, config: uvicorn.Config, draining: Draining) -> None:
        super().__init__(config)
        self._draining = draining
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by uvicorn on SIGTERM and SIGINT."""
        if self._draining.began.is_set():
            super().handle_exit(sig, frame)
            self._loop.call_soon_threadsafe(self._draining.give_up)
        else:
            self._loop.call_soon_threadsafe(self._draining.begin)

    async def exit_when_drained(self) -> None:
        """Tell uvicorn to end once no session is left. uvicorn looks at `should_exit` ten times a second."""
        await self._draining.done.wait()
        self.should_exit = True


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Listen before anything else is opened. Raises ValueError if that fails."""
    try:
        return listen(host, port, backlog=BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        where = join(host, port)
        raise ValueError(f"it can't listen on {where} ({why}); set PORT or HOST, or stop what uses it") from None


def server_config(app: FastAPI, settings: GatewaySettings) -> uvicorn.Config:
    """How uvicorn serves the gateway: with our protocols, which limit the resources that a client can use."""
    hide_queries()
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=settings.debug,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=max(WEBSOCKET_MAX_BYTES, settings.max_frame_bytes),
        ws_per_message_deflate=False,  # audio does not compress
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=5,
    )


async def serve(settings: GatewaySettings) -> None:
    """Serve until the sessions are handed over, or until a second signal. Raises ValueError if it can't listen."""
    listening = open_sockets(settings.host, settings.port)
    settings = settings.model_copy(update={"port": listening[0].getsockname()[1]})  # the real port, if PORT is 0
    async with connect(settings) as (ports, services, seats, limits):
        app = create_app(settings, ports, services, seats, limits)
        server = DrainingServer(server_config(app, settings), app.state.draining)
        async with asyncio.TaskGroup() as tasks:
            exiting = tasks.create_task(server.exit_when_drained())
            await server.serve(listening)
            exiting.cancel()
