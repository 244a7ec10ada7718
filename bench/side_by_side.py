"""Two systems side by side: the same learner talks to one and then to the other. The result is their latencies, and the
ratio of the medians."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.__main__ import Contestant, in_turn, summary, talk
from bench.figures import Conversations, p95
from bench.utterances import quick_utterances, utterances


def add_arguments(parser: argparse.ArgumentParser, *, runs: int) -> None:
    """The arguments that `converse` needs. runs: the default."""
    parser.add_argument("--runs", type=int, default=runs, help="how many times both systems are measured")
    parser.add_argument("--quick", action="store_true", help="three utterances in each run, not all")


def converse(
    contestants: Sequence[Contestant], runs: int, *, quick: bool, learners: int = 1, pause_s: float = 0.0
) -> list[Conversations]:
    """In each run, say the same utterances to one system after the other. Each run begins with another system than the
    run before. Blocks until the end.

    learners: how many talk at once. pause_s: how long to wait before each conversation.
    """
    measured = []
    for number in range(runs):
        said = quick_utterances() if quick else utterances(take=number + 1)
        for contestant in in_turn(contestants, number):
            time.sleep(pause_s)
            measured.append(talk(contestant, learners, number, said))
            print(summary(measured[-1]), flush=True)
    return measured


@dataclass(frozen=True)
class Comparison:
    """Compares two systems. The ratio is `system` ÷ `other`. order: both, as the table lists them. digits: decimals of
    the ratio."""

    system: str
    other: str
    order: tuple[str, str]
    digits: int = 2

    def table(self, measured: Sequence[Conversations]) -> str:
        """Both systems' figures, then the ratio of the medians: of all answers, and of each run."""
        lines = ["| | median, s | p95, s | cut | early | silent |", "| --- | --- | --- | --- | --- | --- |"]
        for system in self.order:
            answers = [answer for one in measured if one.system == system for answer in one.answers]
            known = latencies(measured, system)
            figures = f"{median(known):.3f} | {p95(known):.3f}" if known else "– | –"
            lines.append(
                f"| {system} | {figures} | {sum(answer.cut for answer in answers)} "
                f"| {sum(answer.premature for answer in answers)} | {len(answers) - len(known)} |"
            )
        runs = sorted({one.run for one in measured})
        each = ", ".join(self._ratio([one for one in measured if one.run == run]) for run in runs)
        return "\n".join((*lines, "", f"{self.system} ÷ {self.other}: {self._ratio(measured)} (each run: {each})"))

    def _ratio(self, measured: Sequence[Conversations]) -> str:
        above, below = latencies(measured, self.system), latencies(measured, self.other)
        return f"{median(above) / median(below):.{self.digits}f}" if above and below else "–"


def latencies(measured: Sequence[Conversations], system: str) -> list[float]:
    """The latencies of all utterances that `system` answered, in seconds."""
    return [
        answer.latency_s
        for one in measured
        if one.system == system
        for answer in one.answers
        if answer.latency_s is not None
    ]
