"""All experiments in one report, and its tables for docs/capacity.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pydantic import BaseModel, Field

from bench.load.simulation.autoscaler import read_scalings
from bench.load.simulation.experiments import (
    TARGET_P95_S,
    Morning,
    Peak,
    Steady,
    capacity,
    learners_per_replica,
    morning_peak,
    steady,
)
from bench.load.simulation.mesh import Policy, Replicas
from bench.load.simulation.stage_times import ROOT, Profile, load_profile

PAGE = ROOT / "docs/capacity.md"
LLM_ROWS = ("as deployed", "language model twice as slow")
"""The only rows for which it is simulated how many learners one language model serves. That takes long, because one
vLLM serves thousands."""
STAGES = ("asr", "llm", "tts")
CELL = Replicas(asr=1, llm=1, tts=5)
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)


class Row(BaseModel):
    """One row. learners: how many one replica of a stage serves, by stage, if the other stages have plenty of replicas.
    cell: how many one CELL serves."""

    name: str
    learners: dict[str, int]
    cell: int


class Report(BaseModel):
    """The results of all experiments."""

    curves: dict[str, list[Steady]]
    alone: dict[str, list[Steady]]
    rows: list[Row]
    pooling: list[tuple[int, Steady]]
    bundled: int
    peaks: dict[str, Peak]
    made_at: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def make(say: Callable[[str], None]) -> Report:
    """Run all experiments, which takes some minutes."""
    gpu = load_profile("gpu")
    say("voice to voice by learners …")
    curves = {
        name: [steady(gpu, Replicas(), learners, policy=policy) for learners in range(4, 121, 4)]
        for name, policy in (
            ("as deployed", Policy()),
            ("speculation always", Policy(speculation=1)),
            ("speculation never", Policy(speculation=0)),
        )
    }
    alone = {
        name: [
            steady(profile, Replicas(asr=1, llm=64, tts=64), learners, policy=policy, seconds=60)
            for learners in (*range(8, 200, 16), *range(200, 681, 40))
        ]
        for name, profile, policy in (
            ("batches of up to 8", gpu, Policy(speculation=1)),
            ("one at a time", one_by_one(gpu), Policy(speculation=1)),
            ("one at a time, no partials", one_by_one(gpu), Policy(speculation=1, partials=False)),
        )
    }
    rows = []
    for name, profile, policy, target_s, pace in _variants(gpu):
        say(f"learners per replica: {name} …")
        learners = {
            stage: learners_per_replica(profile, stage, target_s=target_s, policy=policy, pace=pace)
            for stage in STAGES
            if stage != "llm" or name in LLM_ROWS
        }
        rows.append(Row(name=name, learners=learners, cell=cell_capacity(profile, policy, target_s, pace)))
    say("cells together …")
    base = rows[0].cell
    pooling = [(n, steady(gpu, CELL.times(n), n * base, seconds=60)) for n in (1, 2, 4, 8)]
    bundled = capacity(lambda n: steady(load_profile("cpu"), Replicas(), n).p95_s <= 2.0)
    say("a morning …")
    return Report(curves=curves, alone=alone, rows=rows, pooling=pooling, bundled=bundled, peaks=dict(_mornings(gpu)))


def one_by_one(profile: Profile) -> Profile:
    """The profile with a recogniser that decodes without batches."""
    return profile.model_copy(update={"asr": profile.asr.model_copy(update={"max_batch": 1})})


def slower(profile: Profile, stage: str, factor: float) -> Profile:
    """The profile with all times of one stage multiplied by `factor`."""
    old = getattr(profile, stage)
    changes = {
        name: {size: factor * seconds for size, seconds in value.items()} if isinstance(value, dict) else factor * value
        for name in ("seconds_by_batch", "token_seconds_by_batch", "seconds_per_token", "prefill_s", "first_audio_s")
        if (value := getattr(old, name, None)) is not None
    }
    return profile.model_copy(update={stage: old.model_copy(update=changes)})


def cell_capacity(profile: Profile, policy: Policy, target_s: float, pace: float) -> int:
    """How many learners one CELL serves, with all its stages simulated together."""
    return capacity(
        lambda learners: steady(profile, CELL, learners, policy=policy, seconds=60, pace=pace).p95_s <= target_s
    )


def _variants(gpu: Profile) -> Iterable[tuple[str, Profile, Policy, float, float]]:
    target, default, always = TARGET_P95_S, Policy(), Policy(speculation=1)
    yield "as deployed", gpu, default, target, 1.0
    yield "speculation always", gpu, always, target, 1.0
    yield "speculation never", gpu, Policy(speculation=0), target, 1.0
    yield "recognition without batches", one_by_one(gpu), always, target, 1.0
    yield "recognition without partials", gpu, Policy(speculation=1, partials=False), target, 1.0
    yield (
        "neither batches nor partials", one_by_one(gpu), Policy(speculation=1, partials=False), target, 1.0
    )  # fmt: skip
    for target_s in (1.2, 2.0):
        yield f"p95 of {target_s} s", gpu, default, target_s, 1.0
    for stage, model in (("asr", "recognition"), ("llm", "language model"), ("tts", "voice")):
        yield f"{model} twice as slow", slower(gpu, stage, 2.0), default, target, 1.0
    yield "learners think half as long", gpu, default, target, 0.5


def _mornings(gpu: Profile) -> Iterable[tuple[str, Peak]]:
    scalings, morning = read_scalings(), Morning()
    peak = partial(morning_peak, scalings=scalings, morning=morning)
    yield "as deployed", peak(gpu)
    yield "nodes must start first: 300 s", peak(gpu.model_copy(update={"startup_s": 300.0}))
    at_least_3 = {
        name: replace(one, least=max(3, one.least)) for name, one in scalings.items() if name in ("asr", "tts")
    }
    yield "at least three of recognition and voice", peak(gpu, scalings=scalings | at_least_3)
    yield "scaled by streams in use", peak(gpu, by_seats=False)


# --- tables -----------------------------------------------------------------------------------------------------


def tables(report: Report) -> dict[str, str]:
    """The Markdown tables, by the name of their place in the page."""
    return {
        "learners-per-replica": _table(
            ("", "recognition", "language model", "voice", f"a cell ({CELL.asr} + {CELL.llm} + {CELL.tts})"),
            ((row.name, *(row.learners.get(stage, "–") for stage in STAGES), row.cell) for row in report.rows),
        ),
        "pooling": _table(
            ("cells", "learners", "p50", "p95"),
            ((n, f"{s.learners:,}", _ms(s.p50_s), _ms(s.p95_s)) for n, s in report.pooling),
        ),
        "million": _table(("learners at once", *(f"{size:,}" for size in SIZES)), _sizes(report)),
        "morning": _table(
            ("", "learners", "refused", "waited in the queue", "wait, p95", "p50", "p95", "GPU hours"),
            (
                (
                    name,
                    peak.arrived,
                    peak.refused,
                    f"{peak.waited_share:.0%}",
                    f"{peak.waited_p95_s:.0f} s",
                    _ms(peak.p50_s),
                    _ms(peak.p95_s),
                    f"{peak.gpu_hours:.1f}",
                )
                for name, peak in report.peaks.items()
            ),
        ),
    }


def _sizes(report: Report) -> Iterable[tuple[object, ...]]:
    """For each row and each of SIZES, the replicas of each stage, in whole cells."""
    for row in report.rows:
        if not row.cell:
            yield (row.name, *("–" for _ in SIZES))
            continue
        cells = [math.ceil(size / row.cell) for size in SIZES]
        yield (row.name, *(f"{n * CELL.asr:,} + {n * CELL.llm:,} + {n * CELL.tts:,}" for n in cells))


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_into(page: Path, texts: dict[str, str]) -> None:
    """Write each text between its `<!-- name: … -->` and `<!-- /name -->`. Raises ValueError if the page has no such
    place."""
    text = page.read_text()
    for name, table in texts.items():
        begin, end = text.find(f"<!-- {name}:"), text.find(f"<!-- /{name} -->")
        if not 0 <= begin < end:
            raise ValueError(f"{page} has no place for {name}: put '<!-- {name}: … -->' and '<!-- /{name} -->' into it")
        begin = text.index("-->", begin) + 3
        text = f"{text[:begin]}\n\n{table}\n\n{text[end:]}"
    page.write_text(text)
