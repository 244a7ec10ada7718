"""`python -m llm_service`: the language-model service, on its own."""

from __future__ import annotations

import asyncio
import sys

from common.errors import ServiceError
from common.grpc_server import run
from common.logs import configure_logging
from llm_service.config import LlmSettings
from llm_service.engines import create_engine
from llm_service.service import make_service


def main() -> None:
    settings = LlmSettings()
    configure_logging(settings.log_level)
    try:
        asyncio.run(run(make_service(create_engine(settings), settings), settings, settings.llm_port))
    except ServiceError as error:
        sys.exit(f"LLM: {error.message}")


if __name__ == "__main__":
    main()
