"""`make profile`: what each process of the mesh takes (CPU seconds for a spoken turn, memory), and what each stage
does.

A learner says the utterances of `make bench` to the mesh with the bundled models, and interrupts no reply. CPU seconds
are user and system time, so other programs on the machine change them little. The work of the stages comes from the
metrics of the services and of llama.cpp. Memory is the proportional set size (PSS): a page that several processes share
counts once. With --base, the same conversations are also held with an older checkout, alternately.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.checkouts import RunningMesh, mesh
from bench.learner import AttentiveLearner, converse
from bench.systems import AiTalk
from bench.utterances import in_order_of, quick_utterances, utterances, warm_up

STAGES: dict[str, tuple[str, str]] = {
    "decodes of whole turns": ("aitalk_asr_decode_seconds_count", "final"),
    "decodes for captions": ("aitalk_asr_decode_seconds_count", "partial"),
    "seconds decoding whole turns": ("aitalk_asr_decode_seconds_sum", "final"),
    "seconds decoding for captions": ("aitalk_asr_decode_seconds_sum", "partial"),
    "questions to the turn model": ("aitalk_asr_turn_model_seconds_count", ""),
    "seconds in the turn model": ("aitalk_asr_turn_model_seconds_sum", ""),
    "questions to the text model": ("aitalk_asr_text_model_seconds_count", ""),
    "seconds in the text model": ("aitalk_asr_text_model_seconds_sum", ""),
    "tokens of prompts": ("aitalk_llm_tokens_total", "prompt"),
    "tokens written": ("aitalk_llm_tokens_total", "completion"),
    "tokens read by llama.cpp": ("llamacpp:prompt_tokens_total", ""),
    "seconds reading": ("llamacpp:prompt_seconds_total", ""),
    "tokens written by llama.cpp": ("llamacpp:tokens_predicted_total", ""),
    "seconds writing": ("llamacpp:tokens_predicted_seconds_total", ""),
    "prompts read ahead": ("aitalk_gateway_read_ahead_total", ""),
    "replies cancelled": ("aitalk_llm_cancelled_total", ""),
    "seconds of speech made": ("aitalk_tts_audio_seconds_total", ""),
    "seconds of speech thrown away": ("aitalk_gateway_wasted_audio_seconds_total", ""),
}
"""What a row of the second table shows → the metric's name, and the value of one of its labels ("": the sum over
all)."""

_MODULE = re.compile(r"^(gateway|asr_service|llm_service\.\S+|llm_service|tts_service|deploy\.\w+)$")
LLAMA = "llama_server"


@dataclass(frozen=True)
class Use:
    """What the conversations of one run used. cpu_s, memory_mb: by process. stages: see STAGES. answers_s: voice to
    voice."""

    cpu_s: dict[str, float]
    stages: dict[str, float]
    memory_mb: dict[str, float]
    answers_s: list[float]
    turns: int


def main() -> None:
    """Run the conversations that the arguments ask for, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--base", type=Path, help="an older checkout, set up by `make setup`, to compare with")
    parser.add_argument("--runs", type=int, default=2, help="conversations with each system (2)")
    parser.add_argument("--learners", type=int, default=1, help="how many learners converse at the same time (1)")
    parser.add_argument("--quick", action="store_true", help="three utterances in each conversation, not nine")
    parser.add_argument("--out", type=Path, default=Path("build/profile"), help="folder for logs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    used: dict[str, list[Use]] = {}
    with ExitStack() as stack:
        meshes = {"this build": stack.enter_context(mesh("this", options.out, settings={}))}
        if options.base:
            base = mesh("base", options.out, checkout=options.base.resolve(), settings={})
            meshes["base"] = stack.enter_context(base)
        for run in range(options.runs):
            for name in list(meshes)[:: 1 if run % 2 == 0 else -1]:
                used.setdefault(name, []).append(measure(meshes[name], options.learners, run, quick=options.quick))
                print(
                    f"run {run + 1}, {name}: {sum(used[name][-1].cpu_s.values()) / used[name][-1].turns:.2f} s a turn"
                )
    print(f"\n{table(used)}")


def measure(system: RunningMesh, learners: int, run: int, *, quick: bool) -> Use:
    """Hold conversations of `learners` learners with the mesh, and compare the mesh's figures before and after."""
    said = quick_utterances() if quick else utterances(take=run + 1)

    async def talk() -> list[float]:
        barrier = asyncio.Barrier(learners)
        ended = await asyncio.gather(
            *(
                converse(
                    system.ws,
                    AiTalk(),
                    warm_up(),
                    in_order_of(learner, said),
                    seed=run,
                    everyone_is_ready=barrier,
                    start_after_s=learner * 1.3,
                    kind=AttentiveLearner,
                )
                for learner in range(learners)
            )
        )
        answers = (answer.latency_s for conversation in ended for answer in conversation.answers)
        return [latency for latency in answers if latency is not None]

    cpu, stages = _cpu_s(system), _stages(system)
    answers = asyncio.run(talk())
    return Use(
        cpu_s={name: used - cpu.get(name, 0.0) for name, used in _cpu_s(system).items()},
        stages={name: value - stages[name] for name, value in _stages(system).items()},
        memory_mb=_memory_mb(system),
        answers_s=answers,
        turns=learners * (len(said) + 1),
    )


def _processes(system: RunningMesh) -> dict[str, psutil.Process]:
    """The mesh's processes, by module. The process that runs all others is `deploy.mesh`."""
    watcher = psutil.Process(system.pid)
    named = {}
    for process in (watcher, *watcher.children(recursive=True)):
        words = process.cmdline()
        module = next((word for word in words if _MODULE.match(word)), Path(words[0].split()[0]).name if words else "?")
        named[LLAMA if LLAMA in module else module] = process
    return named


def _cpu_s(system: RunningMesh) -> dict[str, float]:
    times = {name: process.cpu_times() for name, process in _processes(system).items()}
    return {name: float(used.user + used.system) for name, used in times.items()}


def _memory_mb(system: RunningMesh) -> dict[str, float]:
    return {name: process.memory_full_info().pss / 2**20 for name, process in _processes(system).items()}


def _stages(system: RunningMesh) -> dict[str, float]:
    llama = _processes(system)[LLAMA]
    (port,) = {one.laddr.port for one in llama.net_connections() if one.status == psutil.CONN_LISTEN}
    samples = [
        sample
        for url in (*system.metrics.values(), f"http://127.0.0.1:{port}/metrics")
        for family in text_string_to_metric_families(httpx.get(url, timeout=10).text)
        for sample in family.samples
    ]
    return {
        stage: sum(one.value for one in samples if one.name == name and (not label or label in one.labels.values()))
        for stage, (name, label) in STAGES.items()
    }


def table(used: dict[str, list[Use]]) -> str:
    """Two Markdown tables: CPU seconds per turn and memory, by process; and what the stages did per turn."""
    heads = " | ".join(f"{name}: CPU s a turn | MB" for name in used)
    lines = [f"| process | {heads} |", "| --- |" + " --: | --: |" * len(used)]
    everything = "all"
    processes = sorted({process for runs in used.values() for one in runs for process in one.cpu_s})
    for process in (*processes, everything):
        cells = []
        for runs in used.values():
            each = [_sum(one.cpu_s, process, everything) / one.turns for one in runs]
            memory = _sum(runs[-1].memory_mb, process, everything)
            cells.append(f"{statistics.mean(each):.3f} ({_spread(each)}) | {memory:.0f}")
        lines.append(f"| {process} | {' | '.join(cells)} |")
    lines += ["", f"| stage, for each turn | {' | '.join(used)} |", "| --- |" + " --: |" * len(used)]
    for stage in STAGES:
        means = (sum(one.stages[stage] for one in runs) / sum(one.turns for one in runs) for runs in used.values())
        lines.append(f"| {stage} | {' | '.join(f'{mean:.2f}' for mean in means)} |")
    waits = (sorted(wait for one in runs for wait in one.answers_s) for runs in used.values())
    medians = (f"{statistics.median(wait):.2f} ({wait[0]:.2f}–{wait[-1]:.2f})" if wait else "none" for wait in waits)
    lines.append(f"| voice to voice, median s (least–most) | {' | '.join(medians)} |")
    return "\n".join(lines)


def _sum(values: dict[str, float], process: str, everything: str) -> float:
    return sum(values.values()) if process == everything else values.get(process, 0.0)


def _spread(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


if __name__ == "__main__":
    main()
