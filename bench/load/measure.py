"""Measures one system under one load: CPU and memory of each process, and the answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bench.load.client import Job, Outcome
from bench.load.expected import Answers, Ending, answers, percentile
from bench.load.processes import System
from tests.support.mesh import ROOT


class Use(BaseModel):
    """The resources that one process uses. cpu_s: CPU seconds per session-minute. memory_mb: growth per session."""

    cpu_s: float
    memory_mb: float


class Measured(BaseModel):
    """One row. added_*: what the mesh adds to the waits for the stubs and for endpointing; None if unknown."""

    system: str
    sessions: int
    seconds: float
    due: int
    given: int
    added_p50_ms: float | None
    added_p99_ms: float | None
    voice_to_voice_p50_ms: float | None
    voice_to_voice_p99_ms: float | None
    client_late_p99_ms: float
    lost_connections: int
    use: dict[str, Use]

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes per session-minute."""
        return sum(use.cpu_s for use in self.use.values())

    @property
    def memory_mb(self) -> float:
        """Growth of the memory of all processes per session, in MB."""
        return sum(use.memory_mb for use in self.use.values())


@dataclass(frozen=True)
class Timeline:
    """What the learners say, and when it can be answered. program: the file. models_s: the sum of the stubs' delays
    before an answer; 0: unknown."""

    program: Path
    ends: Sequence[Ending]
    frames: int
    models_s: float


def measure(name: str, system: System, sessions: int, seconds: float, timeline: Timeline) -> Measured:
    """Measure for `seconds`. Blocks for that long and while the learners connect. Raises RuntimeError if the client
    fails."""
    outcome, use = _run(name, system, sessions, seconds, timeline)
    return _row(name, sessions, seconds, outcome, use, timeline)


def run_learners(
    name: str, system: System, sessions: int, seconds: float, timeline: Timeline
) -> tuple[Outcome, Answers, dict[str, Use]]:
    """Like `measure`, but returns what the row is made of, with the individual answers."""
    outcome, use = _run(name, system, sessions, seconds, timeline)
    return outcome, answers(outcome.learners, timeline.ends, timeline.frames, timeline.models_s), use


def _run(
    name: str, system: System, sessions: int, seconds: float, timeline: Timeline
) -> tuple[Outcome, dict[str, Use]]:
    before = {process: _memory(system, process) for process in system.processes}
    job = Job(url=system.url, program=timeline.program, sessions=sessions, seconds=seconds, greeting=system.greeting)
    client = subprocess.Popen(
        [sys.executable, "-m", "bench.load.client"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    try:
        _say(client.stdin, job.model_dump_json())
        if client.stdout.readline().strip() != "connected":
            raise RuntimeError(f"{sessions} learners could not connect to {name}")
        used = {process: _cpu(system, process) for process in system.processes}
        _say(client.stdin, "go")
        with suppress(subprocess.TimeoutExpired):
            client.wait(seconds)  # not longer, because the client may end only when the pipe is read, below
        minutes = sessions * seconds / 60
        use = {
            process: Use(
                cpu_s=round((_cpu(system, process) - used[process]) / minutes, 3),
                memory_mb=round((_memory(system, process) - before[process]) / sessions / 2**20, 2),
            )
            for process in system.processes
        }
        outcome = Outcome.model_validate_json(client.stdout.readline())
    finally:
        client.kill()
        client.wait()
    return outcome, use


def _row(
    name: str, sessions: int, seconds: float, outcome: Outcome, use: dict[str, Use], timeline: Timeline
) -> Measured:
    came = answers(outcome.learners, timeline.ends, timeline.frames, timeline.models_s)
    known = bool(timeline.models_s)
    return Measured(
        system=name,
        sessions=sessions,
        seconds=seconds,
        due=came.due,
        given=came.given,
        added_p50_ms=percentile(came.added_ms, 50) if known else None,
        added_p99_ms=percentile(came.added_ms, 99) if known else None,
        voice_to_voice_p50_ms=percentile(came.voice_to_voice_ms, 50),
        voice_to_voice_p99_ms=percentile(came.voice_to_voice_ms, 99),
        client_late_p99_ms=outcome.late_p99_ms,
        lost_connections=sum(learner.lost for learner in outcome.learners),
        use=use,
    )


def _say(stream: Any, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


def _cpu(system: System, process: str) -> float:
    """The user and system CPU seconds of a process so far."""
    times = system.processes[process].cpu_times()
    return float(times.user + times.system)


def _memory(system: System, process: str) -> int:
    return int(system.processes[process].memory_info().rss)
