"""The results as a file and as a table."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from bench.load.delays import Delays
from bench.load.measure import Measured

_COLUMNS = (
    "system", "sessions", "answers given / due", "added p50 / p99 ms", "voice to voice p50 / p99 ms",
    "CPU s per session-minute", "by process", "MB per session", "client late p99 ms",
)  # fmt: skip


class Report(BaseModel):
    """All rows of a run, and the machine that it ran on."""

    delays: Delays
    rows: list[Measured]
    made_at: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: str = Field(default_factory=lambda: f"{os.cpu_count()} CPUs, {platform.machine()}")
    load_average: tuple[float, float, float] = Field(default_factory=os.getloadavg)


def table(report: Report) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(_COLUMNS), " | ".join("---" for _ in _COLUMNS)]
    lines += [" | ".join(_cells(row)) for row in report.rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cells(row: Measured) -> tuple[str, ...]:
    return (
        row.system,
        str(row.sessions),
        f"{row.given} / {row.due}",
        _pair(row.added_p50_ms, row.added_p99_ms),
        _pair(row.voice_to_voice_p50_ms, row.voice_to_voice_p99_ms),
        f"{row.cpu_s:.2f}",
        ", ".join(f"{name} {use.cpu_s:.2f}" for name, use in row.use.items()) if len(row.use) > 1 else "",
        f"{row.memory_mb:.1f}",
        f"{row.client_late_p99_ms:.0f}",
    )


def _pair(one: float | None, other: float | None) -> str:
    return "–" if one is None or other is None else f"{one:.0f} / {other:.0f}"
