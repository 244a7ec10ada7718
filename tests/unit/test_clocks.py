"""Durations are measured with a monotonic clock, because NTP may set the wall clock while learners talk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("asr_service", "common", "deploy", "gateway", "llm_service", "tts_service")
WALL_CLOCKS = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}
DATES = {
    "common/tracing.py",  # the beginning of a span
    "deploy/mesh.py",  # the time of a line of the log
    "gateway/admission/claims.py",  # the times in a token, which are dates
    "gateway/admission/daily_time.py",  # the time until midnight UTC
    "gateway/clients/redis_learners.py",  # when a learner agreed, and which words are due
    "gateway/conversation/learner.py",  # the date of an entry in the record
    "gateway/conversation/session.py",  # passed on to the record
    "gateway/conversation_record.py",  # the date of a turn
    "gateway/http_api/routes.py",  # `timestamp` of /health
    "gateway/http_api/learner_routes.py",  # which words are due
    "gateway/openai_api/chat.py",  # `created` of a completion
    "gateway/realtime/client_keys.py",  # `expires_at`, for the client
}
"""The files that may use the wall clock, and for what. Never add one that uses it for a time-out, a lease or a rate."""


def wall_clocks_in(path: Path) -> Iterator[str]:
    """The names of the wall clocks that a file reads or passes on."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in WALL_CLOCKS:
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{name.name}" for name in node.names if name.name in {"time", "time_ns"})


def test_only_dates_come_from_the_wall_clock() -> None:
    found = {
        str(path.relative_to(ROOT))
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        if any(wall_clocks_in(path))
    }
    assert found == DATES
