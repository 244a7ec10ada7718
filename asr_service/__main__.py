"""`python -m asr_service`: the speech recognition service alone."""

from __future__ import annotations

import uvloop

from asr_service.config import AsrSettings
from asr_service.engines import create_engine
from asr_service.service import create_service
from common.grpc_server import run
from common.heap import limit_arenas
from common.models import fetch_weights
from common.process import collect_garbage_rarely, fetch_is_asked_for, observe, plain_start_errors


def main() -> None:
    """Serve until SIGTERM. With --fetch, only download the weights."""
    limit_arenas()
    with plain_start_errors("ASR"):
        settings = AsrSettings()
        observe("asr", settings)
        engine = create_engine(settings)
        if fetch_is_asked_for():
            fetch_weights(engine)
            return
        service = create_service(engine, settings)
        collect_garbage_rarely()
        uvloop.run(run(service, settings, settings.asr_port))


if __name__ == "__main__":
    main()
