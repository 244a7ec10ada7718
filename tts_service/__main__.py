"""`python -m tts_service`: the speech synthesis service alone."""

from __future__ import annotations

import asyncio

from common.grpc_server import run
from common.heap import limit_arenas
from common.models import fetch_weights
from common.process import fetch_is_asked_for, observe, plain_start_errors
from tts_service.config import TtsSettings
from tts_service.engines import create_engine
from tts_service.service import create_service


def main() -> None:
    """Serve until SIGTERM. With --fetch, only download the weights."""
    limit_arenas()
    with plain_start_errors("TTS"):
        settings = TtsSettings()
        observe("tts", settings)
        engine = create_engine(settings)
        if fetch_is_asked_for():
            fetch_weights(engine)
            return
        service = create_service(engine, settings)
        asyncio.run(run(service, settings, settings.tts_port))


if __name__ == "__main__":
    main()
