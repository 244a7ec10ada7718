"""Log lines of the same form in all processes. They contain ids, lengths and times, but never what people say.

Every line has the ids of the session, the turn (`common.ids`) and the trace that it belongs to, if there are any.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from opentelemetry import trace

from common.ids import current_ids

LogFormat = Literal["text", "json"]

# The lowest allowed levels of loggers that would otherwise log what people say: requests, text to be spoken, the frames
# of a WebSocket (at DEBUG). gRPC is in the list only because it logs too much.
_LEAST = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "faster_whisper": logging.WARNING,
    "piper": logging.WARNING,
    "uvicorn.error": logging.INFO,
    "websockets": logging.INFO,
    "grpc": logging.INFO,
}


def configure_logging(level: str, log_format: LogFormat = "text", service: str = "") -> None:
    """Send log lines to standard error: as `time level logger message ids`, or as one JSON object each.

    service: the name of this process in JSON lines.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if log_format == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))


class TextFormatter(logging.Formatter):
    """For people: the ids are at the end of a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """The message, with the ids after it."""
        shown = " ".join(f"{name}={value}" for name, value in work_ids().items())
        return super().formatMessage(record) + (f"  [{shown}]" if shown else "")


class JsonFormatter(logging.Formatter):
    """For a log store: one JSON object per line, with time (ISO 8601, UTC), level, logger, service, message, ids,
    error."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, as one JSON object."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "service": self._service,
            "message": record.getMessage(),
            **work_ids(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def work_ids() -> dict[str, str]:
    """The ids that the current task works for; those that are empty are left out."""
    ids, span = current_ids(), trace.get_current_span().get_span_context()
    known = {
        "session_id": ids.session_id,
        "turn_id": ids.turn_id,
        "trace_id": trace.format_trace_id(span.trace_id) if span.is_valid else "",
    }
    return {name: value for name, value in known.items() if value}
