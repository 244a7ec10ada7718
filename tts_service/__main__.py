"""`python -m tts_service`: the speech synthesis service, alone."""

from __future__ import annotations

import asyncio
import sys

from pydantic import ValidationError

from common.errors import ServiceError
from common.grpc_server import run
from common.logs import configure_logging
from tts_service.config import TtsSettings
from tts_service.engines import create_engine
from tts_service.service import create_service


def main() -> None:
    """Serve until SIGTERM; a setting or a model that can't be is one sentence, not a traceback."""
    try:
        settings = TtsSettings()
        configure_logging(settings.log_level)
        service = create_service(create_engine(settings), settings)
        asyncio.run(run(service, settings, settings.tts_port))
    except (ValidationError, ServiceError) as error:
        sys.exit(f"TTS can't start: {error}")


if __name__ == "__main__":
    main()
