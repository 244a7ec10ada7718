"""What the `__main__` of every process shares."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from common.errors import ServiceError
from common.logs import configure_logging
from common.settings import ProcessSettings
from common.tracing import configure_tracing

_COLLECT_EVERY = 10_000  # objects made and not dropped; Python's own 700 is for small scripts


@contextmanager
def plain_start_errors(label: str) -> Iterator[None]:
    """A wrong setting, a model that can't be had or a port in use ends the process with a sentence, no traceback."""
    try:
        yield
    except ValidationError as invalid:
        problems = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in invalid.errors() if e["loc"])
        sys.exit(f"{label} can't start: {problems or invalid}")
    except (ValueError, ServiceError) as error:
        sys.exit(f"{label} can't start: {error}")


def fetch_is_asked_for() -> bool:
    """`python -m asr_service --fetch`: have the weights on this disk, and end, without loading them."""
    match sys.argv[1:]:
        case []:
            return False
        case ["--fetch"]:
            return True
        case unknown:
            raise ValueError(
                f"it takes no arguments but --fetch, not {' '.join(unknown)}; settings are in the environment"
            )


def observe(service: str, settings: ProcessSettings) -> None:
    """Logs and traces of this process, as the settings want them."""
    configure_logging(settings.log_level, settings.log_format, service)
    configure_tracing(service, settings.otel_exporter_otlp_endpoint, settings.otel_traces_sampler_arg)


def spare_the_collector() -> None:
    """Call it once everything is imported: that lives as long as the process, and is not looked through again.

    With many sessions, the garbage collector's full rounds take some percent of the time, and tens of milliseconds
    each, for which everybody waits. It comes less often, too: most of what a session drops goes without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
