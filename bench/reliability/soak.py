"""`make soak`: learners who come and go, for an hour by default. Memory may hardly grow, and nothing may be left over.

50 learners at a time talk to the mesh of `make run` with stub models. Each stays for some seconds and leaves: one half
of them end the conversation, the other half just disappear. Then another learner comes. After the warm-up all leave,
and tasks and file descriptors are counted; the same happens after the run. Ends with status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import uvloop

from bench.load.speech import Program, program
from bench.reliability.learner import Person, masked_program
from bench.reliability.leftovers import left_over, session_keys, where_tasks_wait
from bench.reliability.mesh import PROCESSES, StubMesh, stub_mesh
from bench.reliability.probes import metric
from bench.reliability.soak_verdict import MOST_GROWTH, Process, problems, table

STAYS_S = (6.0, 25.0)
SAMPLE_EVERY_S = 1.0
COUNTS, COUNT_EVERY_S = 20, 0.4
COMPARED = 0.3
"""Memory is compared over the last part of the warm-up, which is this share of it, and over an equal time at the end of
the run."""
SESSION_TTL_S = 15
KEYS_GONE_WITHIN_S = 90.0  # a session without a turn is kept for a minute


@dataclass
class Crowd:
    """Learners who come and go. sessions, turns: how many there were so far."""

    mesh: StubMesh
    said: Program
    learners: int
    choice: random.Random
    sessions: int = 0
    turns: int = 0
    late_s: deque[float] = field(default_factory=lambda: deque(maxlen=100_000))

    async def come_and_go(self, seconds: float) -> None:
        """Keep all places taken for this long. Then all learners leave."""
        until_s, frames = time.monotonic() + seconds, masked_program(self.said)
        async with asyncio.TaskGroup() as tasks:
            for place in range(self.learners):
                tasks.create_task(self._one_place(place, frames, until_s))

    async def _one_place(self, place: int, frames: list[bytes], until_s: float) -> None:
        await asyncio.sleep(self.choice.uniform(0, 2))
        while (left_s := until_s - time.monotonic()) > 0:
            person = Person(self.mesh.ws, self.said, frames, place, self.learners, self.late_s)
            talking = asyncio.create_task(person.converse())
            await asyncio.wait({talking}, timeout=min(left_s, self.choice.uniform(*STAYS_S)))
            if self.choice.random() < 0.5:
                await person.end()
            talking.cancel()
            await asyncio.wait({talking})
            self.sessions += person.diary.sessions
            self.turns += len(person.diary.said)


@dataclass
class Gauge:
    """Samples of the memory of each process, in MB."""

    mesh: StubMesh
    samples: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            for name in PROCESSES:
                with suppress(psutil.Error):
                    if process := self.mesh.find(name):
                        self.samples[name].append(process.memory_info().rss / 2**20)
            await asyncio.sleep(SAMPLE_EVERY_S)

    def last(self, seconds: float) -> Mapping[str, list[float]]:
        """The latest samples of each process. Then forget all samples."""
        count = max(1, round(seconds / SAMPLE_EVERY_S))
        found = {name: samples[-count:] for name, samples in self.samples.items()}
        self.samples.clear()
        return found


async def counted(mesh: StubMesh) -> dict[str, tuple[int, int]]:
    """Tasks and file descriptors of each process: the lowest of several counts, which span two health checks, because
    a health check adds connections."""
    counts = []
    for _ in range(COUNTS):
        counts.append(await _count(mesh))
        await asyncio.sleep(COUNT_EVERY_S)
    return {
        name: (min(count[name][0] for count in counts), min(count[name][1] for count in counts)) for name in PROCESSES
    }


async def _count(mesh: StubMesh) -> dict[str, tuple[int, int]]:
    """Count once. The gateway's pool of connections to Redis is left out."""
    found = {}
    for name in PROCESSES:
        process = mesh.find(name)
        if process is None:
            raise RuntimeError(f"{name} does not run any more")
        descriptors = process.num_fds()
        if name in {"gateway", "redis"}:
            ends = [end for one in process.net_connections("tcp") for end in (one.laddr, one.raddr) if end]
            descriptors -= sum(end.port == mesh.valkey_port for end in ends)
        found[name] = (await _tasks(mesh, name), descriptors)
    return found


async def _tasks(mesh: StubMesh, name: str) -> int:
    if name == "gateway":
        return int(await metric(mesh.port, "aitalk_gateway_tasks"))
    if name in mesh.metrics_ports:
        return int(await metric(mesh.metrics_ports[name], "aitalk_server_tasks"))
    return -1


async def run(mesh: StubMesh, options: argparse.Namespace) -> tuple[list[Process], list[str], Crowd]:
    """Warm up, run, and compare."""
    said = await asyncio.to_thread(program)
    crowd, gauge = Crowd(mesh, said, options.learners, random.Random(options.seed)), Gauge(mesh)
    warm_up_s = options.duration * options.warm_up
    compared_s = warm_up_s * COMPARED
    sampling = asyncio.create_task(gauge.run())
    await crowd.come_and_go(warm_up_s)
    before = gauge.last(compared_s)
    await left_over(mesh)
    counts_before = await counted(mesh)
    print(f"warm after {warm_up_s:.0f} s: {crowd.sessions} sessions, {crowd.turns} turns", flush=True)
    gauge.samples.clear()
    await crowd.come_and_go(options.duration - warm_up_s)
    after = gauge.last(compared_s)
    sampling.cancel()
    left = await left_over(mesh)
    counts_after = await counted(mesh)
    left["sessions in Redis"] = await session_keys(mesh, within_s=KEYS_GONE_WITHIN_S)
    processes = [
        Process(name, before[name], after[name], *_alternating(counts_before[name], counts_after[name]))
        for name in PROCESSES
    ]
    found = problems(
        processes,
        left,
        sessions=crowd.sessions,
        turns=crowd.turns,
        learners=options.learners,
        most_growth=options.most_growth / 100,
    )
    if found:
        print(await where_tasks_wait(mesh), flush=True)
    return processes, found, crowd


def _alternating(before: tuple[int, int], after: tuple[int, int]) -> tuple[int, int, int, int]:
    return before[0], after[0], before[1], after[1]


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.reliability.soak", description=__doc__)
    parser.add_argument("--learners", type=int, default=50)
    parser.add_argument("--duration", type=float, default=3600.0, help="seconds, the warm-up included")
    parser.add_argument("--warm-up", type=float, default=0.4, help="share of the duration")
    parser.add_argument(
        "--most-growth", type=float, default=100 * MOST_GROWTH, help="percent by which a process's memory may grow"
    )
    parser.add_argument("--seed", type=int, default=None, help="of how long the learners stay, and how they leave")
    parser.add_argument("--log", type=Path, help="keep the mesh's log here")
    options = parser.parse_args()
    options.seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    print(f"seed {options.seed}, {options.learners} learners for {options.duration:.0f} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="aitalk-soak-") as name:
        folder = Path(name)
        with stub_mesh(folder, SESSION_TTL_S=str(SESSION_TTL_S), LOG_LEVEL="WARNING") as mesh:
            processes, found, crowd = uvloop.run(run(mesh, options))
        if options.log:
            options.log.write_bytes((folder / "mesh.log").read_bytes())
    late_ms = 1000 * sorted(crowd.late_s)[len(crowd.late_s) * 99 // 100]
    print(f"{crowd.sessions} sessions, {crowd.turns} turns; the learners' frames were late by {late_ms:.0f} ms at p99")
    print(f"\n{table(processes)}\n")
    print("\n".join(found) if found else "every goal was met")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
