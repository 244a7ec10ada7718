"""Turns answers into the figures of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from bench.listening import Answer

OURS = "AI-Talk"


@dataclass(frozen=True)
class Conversations:
    """All answers of one system in one run, with `learners` learners at once."""

    run: int
    learners: int
    system: str
    answers: tuple[Answer, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One system with `learners` learners, over all runs. Latencies are in seconds; None if nothing was answered.

    median_s, p95_s: over the answers of all runs. medians_s, p95s_s: one value for each run that has answers.
    to_pipecat: AI-Talk's median divided by the lower median of Pipecat's two settings with as many learners; None in
    Pipecat's rows. p95_to_pipecat: the same for p95. to_models: the median divided by the models' serial time.
    """

    learners: int
    system: str
    median_s: float | None
    p95_s: float | None
    medians_s: tuple[float, ...]
    p95s_s: tuple[float, ...]
    utterances: int
    unanswered: int
    cut: int
    premature: int
    errors: tuple[str, ...]
    to_pipecat: float | None = None
    p95_to_pipecat: float | None = None
    to_models: float | None = None


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, interpolated between the two nearest values."""
    return float(np.percentile(values, 95))


def rows(conversations: Sequence[Conversations], models_s: float) -> list[Row]:
    """One row for each number of learners and system: the fewest learners first, the systems in order of appearance.

    models_s: the median time that the models take for an utterance if they run alone, one after the other.
    """
    groups: dict[tuple[int, str], list[Conversations]] = {}
    for conversation in sorted(conversations, key=lambda one: one.learners):
        groups.setdefault((conversation.learners, conversation.system), []).append(conversation)
    plain = [_row(learners, system, group) for (learners, system), group in groups.items()]
    return [_with_ratios(row, plain, models_s) for row in plain]


def _row(learners: int, system: str, group: Sequence[Conversations]) -> Row:
    by_run: Mapping[int, list[float]] = {
        one.run: [answer.latency_s for answer in one.answers if answer.latency_s is not None] for one in group
    }
    pooled = [latency for latencies in by_run.values() for latency in latencies]
    answers = [answer for one in group for answer in one.answers]
    return Row(
        learners=learners,
        system=system,
        median_s=median(pooled) if pooled else None,
        p95_s=p95(pooled) if pooled else None,
        medians_s=tuple(median(latencies) for latencies in by_run.values() if latencies),
        p95s_s=tuple(p95(latencies) for latencies in by_run.values() if latencies),
        utterances=len(answers),
        unanswered=len(answers) - len(pooled),
        cut=sum(answer.cut for answer in answers),
        premature=sum(answer.premature for answer in answers),
        errors=tuple(error for one in group for error in one.errors),
    )


def _with_ratios(row: Row, all_rows: Sequence[Row], models_s: float) -> Row:
    others = [other for other in all_rows if other.learners == row.learners and other.system != OURS]
    return replace(
        row,
        to_pipecat=_ratio(row.median_s, [other.median_s for other in others]) if row.system == OURS else None,
        p95_to_pipecat=_ratio(row.p95_s, [other.p95_s for other in others]) if row.system == OURS else None,
        to_models=_ratio(row.median_s, [models_s]),
    )


def _ratio(value: float | None, others: Sequence[float | None]) -> float | None:
    """The ratio of `value` to the lowest of the others."""
    known = [other for other in others if other is not None]
    return value / min(known) if value is not None and known else None
