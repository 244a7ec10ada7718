"""Chooses the language model for a machine without a GPU: times each model on the disk, and takes the largest one that
is quick enough.

    steps, the smallest first  →  speed of each that is on this disk  →  seconds to the first clause  →  the largest
                                                                                                         within a second
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from common.errors import ServiceError
from deploy.configuration import settings_from
from deploy.llm_speed import KeptSpeeds, Speed, cpu_label, time_engine
from llm_service.config import LlmSettings
from llm_service.engines.llama_cpp import llama_cpp_engine
from llm_service.gguf_weights import LAPTOP_MODEL, GgufWeights, is_gguf
from llm_service.servers.llama_server import default_threads

# tokens of a prompt that must be read: the learner's words and the template around them; the rest is in the cache
NEW_TOKENS = 40
CLAUSE_TOKENS = 12  # after this many tokens the voice begins to speak
LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A language model for CPUs. model: LLM_MODEL_NAME; empty: the bundled one. take: the command that runs it."""

    name: str
    model: str
    size_gb: float | None
    take: str


def _from_hub(name: str, model: str, size_gb: float | None) -> Step:
    return Step(name, model, size_gb, f"make run PROFILE=laptop LLM_MODEL_NAME={model}")


STEPS = (
    Step("SmolLM2-135M", "", 0.1, "make run"),
    Step("Qwen2.5-Coder-1.5B", LAPTOP_MODEL, 1.1, "make run PROFILE=laptop"),
    _from_hub("Qwen2.5-1.5B", "Qwen/Qwen2.5-1.5B-Instruct-GGUF", 1.1),
    _from_hub("Qwen2.5-3B", "Qwen/Qwen2.5-3B-Instruct-GGUF", 2.1),
    _from_hub("Qwen3-4B", "Qwen/Qwen3-4B-GGUF", 2.5),
)
"""The steps, the smallest first."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A step with its speed on this machine; None: the model isn't on this disk, or could not be timed. failure: why it
    could not be timed; empty if it isn't on this disk."""

    step: Step
    speed: Speed | None
    failure: str = ""

    @property
    def first_clause_s(self) -> float | None:
        """Seconds from the end of the learner's turn until synthesis has a clause to speak."""
        return self.speed.seconds(read=NEW_TOKENS, written=CLAUSE_TOKENS) if self.speed else None

    @property
    def is_quick(self) -> bool:
        """Whether its first clause comes within LIMIT_S."""
        return self.first_clause_s is not None and self.first_clause_s <= LIMIT_S


def choose(timed: Sequence[Timed]) -> Step:
    """The last quick step of `timed`, which is sorted from the smallest to the largest; the smallest step if none is
    quick."""
    quick = [one.step for one in timed if one.is_quick]
    return quick[-1] if quick else timed[0].step


def written(timed: Sequence[Timed]) -> str:
    """A table for people, and which step to choose."""
    rows = [("model", "size", "read/s", "written/s", "first clause", "")]
    for one in timed:
        size = f"{one.step.size_gb:.1f} GB" if one.step.size_gb else ""
        if one.speed is None or one.first_clause_s is None:
            rows.append((one.step.name, size, "–", "–", "–", one.failure or f"not downloaded: {_fetch(one.step)}"))
            continue
        verdict = "quick enough" if one.is_quick else f"too slow: more than {LIMIT_S:g} s"
        figures = (f"{one.speed.read_per_s:.1f}", f"{one.speed.written_per_s:.1f}", f"{one.first_clause_s:.2f} s")
        rows.append((one.step.name, size, *figures, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    step = choose(timed)
    if not any(one.is_quick for one in timed):
        lines.append(f"no model answers within {LIMIT_S:g} s; the smallest is the best one for this machine")
    return "\n".join([*lines, f"the language model for this machine: {step.name}: {step.take}"])


def _fetch(step: Step) -> str:
    return step.take.replace("make run", "make models")


def steps_for(environment: Mapping[str, str]) -> tuple[Step, ...]:
    """STEPS and, if the settings name another GGUF model, that one as the largest step."""
    own = environment.get("LLM_MODEL_NAME", "")
    if not is_gguf(own) or own in {step.model for step in STEPS}:
        return STEPS
    return (*STEPS, Step(own, own, None, f"make run LLM_MODEL_NAME={own}"))


def time_steps(
    environment: Mapping[str, str],
    *,
    again: bool = False,
    busy: bool = False,
    timer: Callable[[LlmSettings], Speed] | None = None,
    steps: Sequence[Step] = (),
) -> list[Timed]:
    """Each step with its speed on this machine: the stored figure or, without one or with `again`, what `timer`
    measures.

    environment: settings (names in capitals) that the models run with. busy: don't store what is measured now. timer:
    by default it starts the real model. steps: if not all that the settings allow.
    """
    return [_timed(step, environment, again, busy, timer or measure) for step in steps or steps_for(environment)]


def is_busy() -> bool:
    """Whether other programs have used more than half of this machine in the last minute."""
    return os.getloadavg()[0] > len(os.sched_getaffinity(0)) / 2


def _timed(
    step: Step, environment: Mapping[str, str], again: bool, busy: bool, timer: Callable[[LlmSettings], Speed]
) -> Timed:
    settings = _settings(step, environment)
    try:
        if (weights := GgufWeights.of(settings).find()) is None:
            return Timed(step, None)
        kept = KeptSpeeds(settings.models_cache_dir.expanduser())
        cpu = cpu_label(settings.llm_threads or default_threads())
        speed = None if again else kept.get(weights, cpu)
        if speed is None:
            print(f"timing {step.name} …", file=sys.stderr, flush=True)
            speed = timer(settings)
            if not busy:
                kept.put(weights, cpu, speed)
        return Timed(step, speed)
    except (ServiceError, OSError) as error:
        return Timed(step, None, f"could not be timed: {error}")


def _settings(step: Step, environment: Mapping[str, str]) -> LlmSettings:
    """The settings of llm_service with the step's model, for one reply at a time."""
    settings = settings_from(LlmSettings, environment)
    changed: dict[str, object] = {"llm_model_name": step.model or "bundled", "llm_max_streams": 1}
    if settings.llm_model_name != step.model:  # drop settings that are for another model's repository
        changed |= {"llm_model_revision": "", "llm_gguf_file": LlmSettings.model_fields["llm_gguf_file"].default}
    return settings.model_copy(update=changed)


def measure(settings: LlmSettings) -> Speed:
    """Start the model, time it, and end it. Raises ServiceError."""
    return asyncio.run(_measure(settings))


async def _measure(settings: LlmSettings) -> Speed:
    engine = llama_cpp_engine(settings)
    try:
        await engine.start()
        return await time_engine(engine)
    finally:
        await engine.close()
