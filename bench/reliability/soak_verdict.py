"""What a run of `make soak` showed, and whether anything grew or was left over. Pure.

Memory is compared under load: the median of the warm-up's last samples with the median of the run's last samples. Tasks
and file descriptors are compared while no learner is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

MOST_GROWTH = 0.05
"""The share by which a process's memory may grow in an hour. A run of minutes needs a larger one, because heaps and
caches are still filling."""
COLUMNS = ("process", "memory after warm-up, MB", "at the end, MB", "growth, %", "tasks", "file descriptors")


@dataclass(frozen=True)
class Process:
    """One process after the warm-up (before) and at the end of the run (after). memory_*_mb: samples under load.
    tasks_*: -1 if the process doesn't report them."""

    name: str
    memory_before_mb: Sequence[float]
    memory_after_mb: Sequence[float]
    tasks_before: int
    tasks_after: int
    descriptors_before: int
    descriptors_after: int

    @property
    def growth(self) -> float:
        """The growth of the memory, as a share."""
        return median(self.memory_after_mb) / median(self.memory_before_mb) - 1

    def problems(self, most_growth: float = MOST_GROWTH) -> Iterator[str]:
        """The goals that this process misses."""
        if self.growth > most_growth:
            yield f"{self.name}: its memory grew by {100 * self.growth:.1f} % (goal {100 * most_growth:g} %)"
        if self.tasks_after > self.tasks_before:
            yield f"{self.name}: {self.tasks_after - self.tasks_before} asyncio tasks are left over"
        if self.descriptors_after > self.descriptors_before:
            yield f"{self.name}: {self.descriptors_after - self.descriptors_before} file descriptors are left over"


def problems(
    processes: Sequence[Process],
    left: Mapping[str, float],
    *,
    sessions: int,
    turns: int,
    learners: int,
    most_growth: float = MOST_GROWTH,
) -> list[str]:
    """The goals that were missed. left: things that should be gone, with their counts. most_growth: of the memory, as a
    share."""
    found = [problem for process in processes for problem in process.problems(most_growth)]
    found += [f"at the end {count:g} {what} are left over" for what, count in left.items() if count]
    if sessions < 2 * learners or turns < sessions / 2:
        found.append(f"only {sessions} sessions with {turns} turns: too few to say anything")
    return found


def table(processes: Sequence[Process]) -> str:
    """The processes as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join(["---"] + ["--:"] * (len(COLUMNS) - 1))]
    lines += [" | ".join(_cells(process)) for process in processes]
    return "\n".join(f"| {line} |" for line in lines)


def _cells(process: Process) -> tuple[str, ...]:
    return (
        process.name,
        f"{median(process.memory_before_mb):.1f}",
        f"{median(process.memory_after_mb):.1f}",
        f"{100 * process.growth:+.1f}",
        "–" if process.tasks_before < 0 else f"{process.tasks_before} → {process.tasks_after}",
        f"{process.descriptors_before} → {process.descriptors_after}",
    )
