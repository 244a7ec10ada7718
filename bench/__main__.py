"""`python -m bench`: voice-to-voice latency of AI-Talk and of Pipecat, on the same models. See --help.

All servers run all the time; a server is idle while nobody talks to it. In each run, and for each number of learners,
the learners talk to one system after the other; each run begins with another system than the run before. The models
alone are timed, too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import report
from bench.figures import OURS, Conversations
from bench.learner import AttentiveLearner, Conversation, converse
from bench.models import ModelsAlone, SerialTimes, pipecat_config, running_llama
from bench.pipecat_server import running_pipecat, versions
from bench.systems import AiTalk, Pipecat, System
from bench.utterances import Utterance, in_order_of, quick_utterances, utterances, warm_up
from tests.support.mesh import ROOT, running_mesh

JSON = ROOT / "docs" / "performance" / "voice-to-voice.json"
QUICK_JSON = ROOT / "test-results" / "bench" / "voice-to-voice.json"
STAGGER_S = 1.3  # between the starts of two learners


@dataclass(frozen=True)
class Contestant:
    """A system to measure. meet: makes a client for one conversation with it."""

    name: str
    url: str
    meet: Callable[[], System]


def main() -> None:
    """Run the bench that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[2])
    parser.add_argument(
        "--sessions", type=int, nargs="+", help="how many learners talk at once; default: 1 2 4, or 1 with --quick"
    )
    parser.add_argument("--runs", type=int, default=3, help="how often everything is done")
    parser.add_argument(
        "--quick", action="store_true", help="one run, three utterances per learner; docs/ is not changed"
    )
    parser.add_argument("--keep", type=Path, help="keep the servers' logs in this folder")
    arguments = parser.parse_args()
    sessions = arguments.sessions or ([1] if arguments.quick else [1, 2, 4])
    runs = 1 if arguments.quick else arguments.runs
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bench = run(folder, sessions, runs, quick=arguments.quick)
    path = QUICK_JSON if arguments.quick else JSON
    report.write_json(bench, path)
    text = report.markdown(bench)
    print(f"\n{text}\n\n{path.relative_to(ROOT)} is written")
    if not arguments.quick:
        report.write_section(report.PAGE, report.SECTION, text)


def run(folder: Path, sessions: Sequence[int], runs: int, *, quick: bool) -> report.Bench:
    """Run everything. Logs go into `folder`."""
    machine = report.machine()  # read first, before the bench itself adds to the machine's load
    at_once = " ".join(map(str, sessions))
    command = f'make bench SESSIONS="{at_once}" {"QUICK=1" if quick else f"RUNS={runs}"}'
    with ExitStack() as servers:
        llama = servers.enter_context(running_llama(folder))
        pipecat = servers.enter_context(running_pipecat(folder, **pipecat_config(llama)))
        mesh = servers.enter_context(running_mesh(folder, LLM_TEMPERATURE="0"))
        contestants = [
            Contestant(OURS, mesh.ws, AiTalk),
            Contestant("Pipecat, smart turn", pipecat.url("smart-turn"), Pipecat),
            Contestant("Pipecat, time-out", pipecat.url("time-out"), Pipecat),
        ]
        models = ModelsAlone(llama)
        conversations: list[Conversations] = []
        serial: list[SerialTimes] = []
        for number in range(runs):
            said = quick_utterances() if quick else utterances(take=number + 1)
            serial += models.times([warm_up(), *said])
            for learners in sessions:
                for contestant in in_turn(contestants, number):
                    conversations.append(talk(contestant, learners, number, said))
                    print(summary(conversations[-1]), flush=True)
        stages = where_time_goes(mesh.ws, said)
    return report.Bench(
        command=command,
        machine=machine,
        versions=versions() | report.our_versions(),
        conversations=conversations,
        serial=serial,
        stages_ms=stages,
    )


def in_turn(contestants: Sequence[Contestant], number: int) -> Sequence[Contestant]:
    """The systems in the order of this run. Each run begins with a different one."""
    first = number % len(contestants)
    return (*contestants[first:], *contestants[:first])


def talk(contestant: Contestant, learners: int, number: int, said: Sequence[Utterance]) -> Conversations:
    """Have `learners` learners talk to one system at once."""

    async def all_at_once() -> list[Conversation]:
        barrier = asyncio.Barrier(learners)
        async with asyncio.TaskGroup() as tasks:
            talking = [
                tasks.create_task(
                    converse(
                        contestant.url,
                        contestant.meet(),
                        warm_up(),
                        in_order_of(learner, said),
                        seed=number * 100 + learner,
                        everyone_is_ready=barrier,
                        start_after_s=learner * STAGGER_S,
                    )
                )
                for learner in range(learners)
            ]
        return [task.result() for task in talking]

    with first_in_line():
        ended = asyncio.run(all_at_once())
    return Conversations(
        run=number,
        learners=learners,
        system=contestant.name,
        answers=tuple(answer for conversation in ended for answer in conversation.answers),
        errors=tuple(error for conversation in ended for error in conversation.errors),
    )


@contextmanager
def first_in_line() -> Iterator[None]:
    """Give the client's thread priority over the servers, if that is allowed, because real learners use machines of
    their own."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, usual - 10)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, usual)


def where_time_goes(url: str, said: Sequence[Utterance]) -> list[dict[str, float]]:
    """The stages (`latency_ms`) of AI-Talk's replies to one learner who interrupts none of them. This is not part
    of the comparison."""

    async def attend() -> list[dict[str, float]]:
        system = AiTalk()
        await converse(
            url, system, warm_up(), said, seed=0, everyone_is_ready=asyncio.Barrier(1), kind=AttentiveLearner
        )
        return system.latencies[1:]  # without the warm-up

    return asyncio.run(attend())


def summary(conversations: Conversations) -> str:
    """A line for the terminal after each step."""
    answers = conversations.answers
    latencies = sorted(f"{answer.latency_s:.2f}" for answer in answers if answer.latency_s is not None)
    return (
        f"run {conversations.run + 1}, {conversations.learners} at once, {conversations.system}: "
        f"{' '.join(latencies)} s; cut {sum(answer.cut for answer in answers)}, "
        f"premature {sum(answer.premature for answer in answers)}, unanswered {len(answers) - len(latencies)}"
        f"{f', errors {conversations.errors}' if conversations.errors else ''}  [load {os.getloadavg()[0]:.1f}]"
    )


if __name__ == "__main__":
    main()
