"""`python -m gateway`: run the gateway."""

from __future__ import annotations

import gc
import logging

import uvloop

from common.heap import limit_arenas
from common.process import observe, plain_start_errors, spare_the_collector
from gateway.config import GatewaySettings

logger = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then hand the learners over."""
    limit_arenas()
    with plain_start_errors("The gateway"):
        settings = GatewaySettings()
        settings.check_protection()
        observe("gateway", settings)
        for warning in settings.warnings():
            logger.warning(warning)
        gc.disable()  # to import the gateway takes a second, of which the search for garbage would be an eighth
        from gateway.server import serve  # a wrong setting is told first

        spare_the_collector()
        uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
