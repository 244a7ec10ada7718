"""`python -m deploy.plan`: checks whether the chosen models fit on this machine's GPUs, and suggests settings.

Without a suitable GPU, it finds the largest language model that is quick enough on this machine's CPU
(deploy/cpu_plan.py).

    python -m deploy.plan                              the settings of .env and the environment, the GPUs found
    python -m deploy.plan --profile standard           a profile's settings
    python -m deploy.plan --gpu-gb 24 24               other GPUs than those found
    python -m deploy.plan --again                      without a GPU: time the language models anew
    python -m deploy.plan --language es                the voice to practise a language with on this machine's CPU

The exit status is 1 if the models don't fit on the GPUs. deploy.mesh makes the same check before it starts anything.
Sizes are computed from model_memory.toml, which says for each number whether it was published, estimated or measured.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from asr_service.config import AsrSettings
from deploy.configuration import GPU_PROFILES, PROFILES, configuration, settings_from
from deploy.gpus import gpus
from deploy.model_memory import (
    Demand,
    UnknownModelError,
    asr_demand,
    llm_demand,
    overhead,
    tts_demand,
)
from llm_service.config import LlmSettings
from llm_service.gguf_weights import is_gguf
from tts_service.config import TtsSettings

ROUNDING_GB = 1e-6  # differences up to this come from floating-point rounding


@dataclass(frozen=True)
class Plan:
    """Which GPU each model uses, and whether that works.

    places: the index of a GPU for each demand. conversations: how many contexts of full length fit into the language
    model's memory at once. utilization: the best LLM_GPU_MEMORY_UTILIZATION; None if no language model runs on these
    GPUs. problems: why the models don't fit; empty if they do. remarks: further advice.
    """

    gpus_gb: tuple[float, ...]
    demands: tuple[Demand, ...]
    places: tuple[int, ...] = ()
    conversations: int = 0
    utilization: float | None = None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether all models fit."""
        return not self.problems


def make_plan(environment: Mapping[str, str], gpus_gb: Sequence[float], *, without: Collection[str] = ()) -> Plan:
    """The plan for the settings in `environment` (names in capitals) on GPUs with these sizes in GB.

    without: parts (`llm`) that don't run on a GPU, whatever the settings say.
    """
    demands, remarks = demands_of(environment, without)
    is_given = "LLM_GPU_MEMORY_UTILIZATION" in environment
    given = settings_from(LlmSettings, environment).llm_gpu_memory_utilization if is_given else None
    plan = place(demands, gpus_gb, given)
    return replace(plan, remarks=(*remarks, *plan.remarks))


def demands_of(environment: Mapping[str, str], without: Collection[str] = ()) -> tuple[list[Demand], list[str]]:
    """The GPU memory that the models on this machine need, and a remark on each model that the table lacks."""
    asr = settings_from(AsrSettings, environment)
    llm = settings_from(LlmSettings, environment)
    tts = settings_from(TtsSettings, environment)
    on_gpu: dict[str, tuple[bool, Callable[[], Demand]]] = {
        "llm": (not llm.llm_base_url and not is_gguf(llm.llm_model_name), partial(llm_demand, llm)),
        "asr": (asr.asr_device != "cpu", partial(asr_demand, asr)),
        "tts": (tts.tts_device != "cpu", partial(tts_demand, tts)),
    }
    demands, remarks = [], []
    for part, (wanted, demand_of) in on_gpu.items():
        if not wanted or part in without or environment.get(f"{part.upper()}_ADDRESS"):
            continue
        try:
            if (demand := demand_of()).full_gb:
                demands.append(demand)
        except UnknownModelError as error:
            remarks.append(f"{error}: it is not counted; leave room for it")
    return demands, remarks


def place(demands: Sequence[Demand], gpus_gb: Sequence[float], given: float | None = None) -> Plan:
    """The placement that allows the most conversations at once. Of several such placements, the one with the fewest
    GPUs; of several of those, the one with the first GPUs.

    given: LLM_GPU_MEMORY_UTILIZATION if it is set. If no placement works with it, the result is the best placement with
    another share, and its problem says what is wrong with the given share.
    """
    plan = Plan(tuple(gpus_gb), tuple(demands))
    if not demands:
        return plan
    tried = [_placed(plan, places) for places in product(range(len(gpus_gb)), repeat=len(demands))]
    works = [one for one in tried if one.fits]
    if given is not None:
        works = [one if one.utilization is None else _with_given_utilization(one, given) for one in works]
    if works:
        return max(
            works,
            key=lambda one: (one.fits, one.conversations, -len(set(one.places)), [-place for place in one.places]),
        )
    least = sum(demand.least_gb for demand in demands)
    usable = ", ".join(f"{gpu * overhead('usable_share'):.1f} GB" for gpu in gpus_gb) or "no GPU"
    return replace(plan, problems=(f"the models need {least:.1f} GB at least; usable here: {usable}",))


def _placed(plan: Plan, places: tuple[int, ...]) -> Plan:
    """`plan` with these places. If they don't work, the plan's problems say why."""
    plan = replace(plan, places=places)
    for demand, index in zip(plan.demands, places, strict=True):
        if demand.device not in (None, index):
            return replace(plan, problems=(f"{demand.part} is to be on cuda:{demand.device}",))
    for index, size in enumerate(plan.gpus_gb):
        free = size * overhead("usable_share") - _others(plan, index)
        if (llm := _llm_on(plan, index)) is None:
            if free < 0:
                return replace(plan, problems=(f"GPU {index} is {-free:.1f} GB short",))
            continue
        if free < llm.least_gb:
            return replace(plan, problems=(f"GPU {index} is {llm.least_gb - free:.1f} GB short",))
        share = min(llm.full_gb, free) / size
        # Round to two digits, upwards if there is room, but never beyond the free memory.
        share = min(math.ceil(share * 100) / 100, free / size)
        plan = replace(
            plan, utilization=math.floor(share * 1000) / 1000, conversations=_conversations(llm, min(llm.full_gb, free))
        )
    return plan


def _with_given_utilization(plan: Plan, given: float) -> Plan:
    """`plan` with the given LLM_GPU_MEMORY_UTILIZATION. If that doesn't work, the plan's problems say so."""
    index = next(i for demand, i in zip(plan.demands, plan.places, strict=True) if demand.part == "llm")
    llm, size = _llm_on(plan, index), plan.gpus_gb[index]
    assert llm is not None  # noqa: S101
    free, taken = size * overhead("usable_share") - _others(plan, index), given * size
    name = f"LLM_GPU_MEMORY_UTILIZATION={given:g}"
    if taken < llm.least_gb:
        problem = f"{name} gives vLLM {taken:.1f} GB of {size:g}; {llm.model} needs {llm.least_gb:.1f}"
    elif taken > free + 0.005 * size + ROUNDING_GB:
        problem = f"{name} is {taken:.1f} GB of {size:g}; the other models leave {free:.1f}"
    else:
        return replace(plan, conversations=_conversations(llm, taken))
    return replace(plan, problems=(f"{problem}: set it to {plan.utilization:g}",))


def _others(plan: Plan, index: int) -> float:
    return sum(d.full_gb for d, i in zip(plan.demands, plan.places, strict=True) if i == index and d.part != "llm")


def _llm_on(plan: Plan, index: int) -> Demand | None:
    return next((d for d, i in zip(plan.demands, plan.places, strict=True) if i == index and d.part == "llm"), None)


def _conversations(llm: Demand, memory_gb: float) -> int:
    return 1 + int((memory_gb - llm.least_gb + ROUNDING_GB) / llm.per_conversation_gb)


def best_profile(gpus_gb: Sequence[float]) -> str:
    """The largest profile whose streams can all be served at once on these GPUs; `cpu` if there is none."""
    for name in GPU_PROFILES:
        environment = configuration(name, {}, dotenv={})
        plan = make_plan(environment, gpus_gb)
        if plan.fits and plan.conversations >= settings_from(LlmSettings, environment).llm_max_streams:
            return name
    return "cpu"


def written(plan: Plan) -> str:
    """The plan as text for people."""
    lines = []
    for index, size in enumerate(plan.gpus_gb):
        lines.append(f"GPU {index}: {size:.1f} GB")
        for demand, place_ in zip(plan.demands, plan.places, strict=bool(plan.places)):
            if place_ == index:
                lines.append(
                    f"  {demand.part}  {demand.full_gb:5.1f} GB  {demand.model or 'bundled'}  ({demand.source})"
                )
    if not plan.places:
        lines += [
            f"  {d.part}  {d.least_gb:5.1f} GB at least  {d.model or 'bundled'}  ({d.source})" for d in plan.demands
        ]
    if plan.fits and plan.utilization is not None:
        lines.append(f"LLM_GPU_MEMORY_UTILIZATION={plan.utilization:g}")
        lines.append(f"  {plan.conversations} conversations of full length at once; further ones wait")
        lines += [
            f"{demand.part.upper()}_DEVICE=cuda:{index}"
            for demand, index in zip(plan.demands, plan.places, strict=True)
            if index and demand.part != "llm"
        ]
    lines += [f"note: {remark}" for remark in plan.remarks]
    lines += [f"can't fit: {problem}" for problem in plan.problems]
    return "\n".join([*lines, f"the profile for this machine: PROFILE={best_profile(plan.gpus_gb)}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan. Returns the exit status, 1 if the models don't fit."""
    parser = argparse.ArgumentParser(prog="python -m deploy.plan", description="Do the chosen models fit on the GPUs?")
    parser.add_argument("--profile", default=None, choices=PROFILES, help="a profile's settings; default: PROFILE")
    parser.add_argument("--gpu-gb", type=float, nargs="+", metavar="GB", help="memory of each GPU; default: as found")
    parser.add_argument("--again", action="store_true", help="without a GPU: time the language models anew")
    parser.add_argument(
        "--language", metavar="TAG", help="the voice to practise this language with on the CPU: es, de …"
    )
    options = parser.parse_args(arguments)
    if options.language:
        from deploy.language_plan import print_language_plan  # imports the engines, too, and is only needed here

        print_language_plan(options.language)
        return 0
    found = options.gpu_gb or gpus()
    if not found:
        print("no NVIDIA GPU found; --gpu-gb plans for another machine. On this machine's CPU:")
        print_cpu_plan(options.profile, again=options.again)
        return 0
    plan = make_plan(configuration(options.profile), found)
    print(written(plan))
    if not options.gpu_gb and best_profile(found) == "cpu":
        print_cpu_plan(options.profile, again=options.again)
    return 0 if plan.fits else 1


def print_cpu_plan(profile: str | None, *, again: bool) -> None:
    """Time the language models on this disk, and print which one to choose."""
    from deploy import cpu_plan  # imports the engine, too, and is only needed here

    logging.getLogger("llm_service").setLevel(logging.ERROR)  # no lines about loading models
    busy = cpu_plan.is_busy()
    print(cpu_plan.written(cpu_plan.time_steps(configuration(profile), again=again, busy=busy)))
    print("for another language than English: python -m deploy.plan --language es (or another one)")
    if busy:
        print("note: other programs are busy here, so these times are too long, and are not kept")


if __name__ == "__main__":
    sys.exit(main())
