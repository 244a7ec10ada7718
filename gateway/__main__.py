"""`python -m gateway`: run the gateway."""

from __future__ import annotations

import uvicorn
import uvloop

from common.logs import configure_logging
from common.process import plain_start_errors
from gateway.app import connect, create_app
from gateway.config import GatewaySettings

# Above MAX_FRAME_BYTES a message is answered with an error; above this the WebSocket itself is closed with code 1009.
WEBSOCKET_MAX_BYTES = 16 * 1024 * 1024


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    with plain_start_errors("The gateway"):
        settings = GatewaySettings()
        configure_logging(settings.log_level)
        uvloop.run(serve(settings))


async def serve(settings: GatewaySettings) -> None:
    async with connect(settings) as (partners, services, seats):
        await uvicorn.Server(
            uvicorn.Config(
                create_app(settings, partners, services, seats),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=settings.debug,
                ws_max_size=max(WEBSOCKET_MAX_BYTES, settings.max_frame_bytes),
                ws_per_message_deflate=False,  # audio does not compress
                timeout_graceful_shutdown=5,
            )
        ).serve()


if __name__ == "__main__":
    main()
