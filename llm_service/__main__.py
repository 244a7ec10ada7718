"""`python -m llm_service`: the language-model service alone."""

from __future__ import annotations

import asyncio

from common.grpc_server import run
from common.heap import limit_arenas
from common.models import fetch_weights
from common.process import fetch_is_asked_for, observe, plain_start_errors
from llm_service.config import LlmSettings
from llm_service.engines import create_engine
from llm_service.service import create_service


def main() -> None:
    """Serve until SIGTERM. With --fetch, only download the weights."""
    limit_arenas()
    with plain_start_errors("LLM"):
        settings = LlmSettings()
        observe("llm", settings)
        engine = create_engine(settings)
        if fetch_is_asked_for():
            fetch_weights(engine)
            return
        service = create_service(engine, settings)
        asyncio.run(run(service, settings, settings.llm_port))


if __name__ == "__main__":
    main()
