"""`python -m gateway`: run the gateway."""

from __future__ import annotations

import asyncio
from types import FrameType

import uvicorn
import uvloop

from common.process import observe, plain_start_errors, spare_the_collector
from gateway.admission.draining import Draining
from gateway.app import connect, create_app
from gateway.config import GatewaySettings
from gateway.connection.low_water_mark import WebSocketProtocol

# Above MAX_FRAME_BYTES a message is answered with an error; above this the WebSocket itself is closed with code 1009.
WEBSOCKET_MAX_BYTES = 16 * 1024 * 1024


def main() -> None:
    """Serve until SIGTERM or SIGINT, then hand the learners over."""
    with plain_start_errors("The gateway"):
        settings = GatewaySettings()
        settings.check_protection()
        observe("gateway", settings)
        spare_the_collector()
        uvloop.run(serve(settings))


class DrainingServer(uvicorn.Server):
    """After the first signal it keeps serving until every session is handed over. A second signal ends it at once."""

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
        """Tell uvicorn to end once nobody is left; it looks at `should_exit` ten times a second."""
        await self._draining.done.wait()
        self.should_exit = True


async def serve(settings: GatewaySettings) -> None:
    """Serve until the sessions are handed over, or until a second signal."""
    async with connect(settings) as (ports, services, seats):
        app = create_app(settings, ports, services, seats)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=settings.debug,
            ws=WebSocketProtocol,
            ws_max_size=max(WEBSOCKET_MAX_BYTES, settings.max_frame_bytes),
            ws_per_message_deflate=False,  # audio does not compress
            timeout_graceful_shutdown=5,
        )
        server = DrainingServer(config, app.state.draining)
        async with asyncio.TaskGroup() as tasks:
            exiting = tasks.create_task(server.exit_when_drained())
            await server.serve()
            exiting.cancel()


if __name__ == "__main__":
    main()
