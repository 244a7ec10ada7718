"""`python -m asr_service`: the speech recognition service alone."""

from __future__ import annotations

import uvloop

from asr_service.config import AsrSettings
from asr_service.engines import create_engine
from asr_service.service import create_service
from common.grpc_server import run
from common.logs import configure_logging
from common.process import plain_start_errors


def main() -> None:
    """Serve until SIGTERM."""
    with plain_start_errors("ASR"):
        settings = AsrSettings()
        configure_logging(settings.log_level)
        service = create_service(create_engine(settings), settings)
        uvloop.run(run(service, settings, settings.asr_port))


if __name__ == "__main__":
    main()
