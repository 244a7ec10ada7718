"""`python -m asr_service`: the speech recognition service alone."""

from __future__ import annotations

import sys

import uvloop
from pydantic import ValidationError

from asr_service.config import AsrSettings
from asr_service.engines import create_engine
from asr_service.service import create_service
from common.errors import ServiceError
from common.grpc_server import run
from common.logs import configure_logging


def main() -> None:
    """Serve until SIGTERM; a setting or a model that can't be is one sentence, not a traceback."""
    try:
        settings = AsrSettings()
        configure_logging(settings.log_level)
        service = create_service(create_engine(settings), settings)
        uvloop.run(run(service, settings, settings.asr_port))
    except (ValidationError, ValueError, ServiceError) as error:
        sys.exit(f"ASR can't start: {error}")


if __name__ == "__main__":
    main()
