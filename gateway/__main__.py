"""`python -m gateway`: run the gateway."""

from __future__ import annotations

import gc
import logging

import uvloop

from common.heap import limit_arenas
from common.process import collect_garbage_rarely, observe, plain_start_errors
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
        gc.disable()  # importing the gateway takes a second, an eighth of which would be spent on garbage collection
        from gateway.server import serve  # imported late, so that a wrong setting is reported first

        collect_garbage_rarely()
        uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
