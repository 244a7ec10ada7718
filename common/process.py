"""Shared by the `__main__` of every process."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dotenv import dotenv_values
from pydantic import ValidationError

from common import unknown_settings
from common.errors import ServiceError
from common.logs import configure_logging
from common.settings import ProcessSettings, problems_in
from common.tracing import configure_tracing

logger = logging.getLogger(__name__)

CHECKED = "AITALK_SETTINGS_CHECKED"
"""`make run` sets this for its processes, because it has already checked the names of all settings."""

_COLLECT_EVERY = 10_000  # new objects between two collections; Python's default, 700, is for small scripts


@contextmanager
def plain_start_errors(label: str) -> Iterator[None]:
    """End the process with a sentence and no traceback for a wrong setting, a model that can't be loaded, or a port in
    use."""
    try:
        yield
    except ValidationError as invalid:
        sys.exit(f"{label} can't start: {'; '.join(problems_in(invalid))}")
    except (ValueError, ServiceError) as error:
        sys.exit(f"{label} can't start: {error}")


def fetch_is_asked_for() -> bool:
    """Whether the process was started with `--fetch`: download the weights and end, without loading them."""
    match sys.argv[1:]:
        case []:
            return False
        case ["--fetch"]:
            return True
        case unknown:
            raise ValueError(
                f"its only argument is --fetch, so it can't take {' '.join(unknown)}; settings are in the environment"
            )


def observe(service: str, settings: ProcessSettings) -> None:
    """Set up the logs and traces of this process, and log a warning for each setting that no process reads.

    In production, raises ValueError if such a setting seems to be meant as protection.
    """
    configure_logging(settings.log_level, settings.log_format, service)
    if not os.environ.get(CHECKED):
        is_production = settings.environment == "production"
        for warning in unknown_settings.check(os.environ, {".env": dotenv_values(".env")}, is_production=is_production):
            logger.warning(warning)
    configure_tracing(service, settings.otel_exporter_otlp_endpoint, settings.otel_traces_sampler_arg)


def collect_garbage_rarely() -> None:
    """Make garbage collections fast and rare. Call it after the imports.

    With many sessions, full collections take several percent of the CPU time, and each one stops everything for tens of
    milliseconds. Imported objects live as long as the process, so collections skip them. Collections also run less
    often, because reference counting frees most objects of a session.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
    gc.enable()
