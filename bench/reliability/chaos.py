"""`make chaos`: breaks parts of a running mesh while learners talk, and counts what the learners lose.

30 learners speak to the mesh of `make run` with stub models. At random moments each process is killed, and each is
stopped for 20 s; Redis is unreachable, full, read-only and slow, for 30 s each. After each fault the learners talk
until they are answered again. Prints a table, and ends with status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import uvloop

from bench.load.speech import CYCLE_S, Program, program
from bench.reliability.faults import Fault, all_faults
from bench.reliability.learner import Person, masked_program
from bench.reliability.leftovers import left_over, where_tasks_wait
from bench.reliability.mesh import StubMesh, stub_mesh
from bench.reliability.probes import kept_turns, serves
from bench.reliability.redis_link import RedisLink
from bench.reliability.verdict import Mark, Row, Span, problems, table
from deploy.ports import free_ports

REPAIRED_WITHIN_S = 90.0
BACK_WITHIN_S = 20.0
CONNECTED_WITHIN_S = 30.0
SETTLED_S = 0.5  # a turn is shown to the learner a moment before it is stored


@dataclass
class Chaos:
    """The learners and their diaries. marks: the length of each diary after the last fault."""

    mesh: StubMesh
    people: Sequence[Person]
    rows: dict[str, Row] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)

    async def try_fault(self, fault: Fault) -> None:
        """Cause the fault, wait until the mesh and the learners have recovered, and count."""
        marks = self.marks or [Mark.of(person.diary) for person in self.people]
        before = self.mesh.find(fault.process) if fault.process else None
        await fault.begin()
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            await fault.mend()
        if fault.is_kill:
            await self._wait_until_replaced(fault, before.pid if before else 0)
        await self._wait_until_served(fault)
        repaired_s = time.monotonic()
        await self._wait_until_answered(repaired_s)
        ended_s, self.marks = time.monotonic(), [Mark.of(person.diary) for person in self.people]
        print(f"  counted at {datetime.now():%H:%M:%S}", flush=True)
        await asyncio.sleep(SETTLED_S)
        kept = await kept_turns(self.mesh, {session for person in self.people for session in person.sessions})
        row = self.rows.setdefault(fault.name, Row(fault.name, learners=len(self.people)))
        row.add(
            [
                Span(person.diary, before, after, repaired_s, ended_s)
                for person, before, after in zip(self.people, marks, self.marks, strict=True)
            ],
            kept,
        )

    def in_order(self, names: Iterable[str]) -> list[Row]:
        """The rows so far: first the one without a fault, then those of the faults with these names."""
        return [self.rows[name] for name in (NOTHING.name, *names) if name in self.rows]

    async def _wait_until_replaced(self, fault: Fault, old_pid: int) -> None:
        async with asyncio.timeout(REPAIRED_WITHIN_S):
            while (now := self.mesh.find(fault.process)) is None or now.pid == old_pid:
                await asyncio.sleep(0.05)

    async def _wait_until_served(self, fault: Fault) -> None:
        async with asyncio.timeout(REPAIRED_WITHIN_S):
            while fault.process and not await serves(self.mesh, fault.process):
                await asyncio.sleep(0.05)

    async def _wait_until_answered(self, since_s: float) -> None:
        """Wait until every learner has said something since `since_s` and was answered, but at most BACK_WITHIN_S."""
        while time.monotonic() < since_s + BACK_WITHIN_S:
            if all(person.diary.was_answered_since(since_s) for person in self.people):
                return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def talking(mesh: StubMesh, said: Program, learners: int) -> AsyncIterator[tuple[list[Person], deque[float]]]:
    """Learners who talk for the length of the block; also how late their frames were."""
    late_s: deque[float] = deque(maxlen=100_000)
    frames = masked_program(said)
    people = [Person(mesh.ws, said, frames, number, learners, late_s) for number in range(learners)]
    tasks = [asyncio.create_task(person.converse()) for person in people]
    try:
        yield people, late_s
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run(options: argparse.Namespace, folder: Path) -> tuple[list[Row], list[str]]:
    """Cause all faults in a random order. Returns the rows, and the goals that were missed.

    After each try it writes the table so far into a file, because a run of all faults takes hours.
    """
    order, said = random.Random(options.seed), await asyncio.to_thread(program)
    (valkey_port,) = free_ports(1)
    link = RedisLink(valkey_port)
    async with link.open(), _mesh(folder, link, valkey_port) as mesh:
        faults = all_faults(mesh, link, stopped_s=options.stopped, away_s=options.away)
        chosen = {name: fault for name, fault in faults.items() if not options.only or name in options.only}
        async with talking(mesh, said, options.learners) as (people, late_s):
            chaos = Chaos(mesh, people)
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                while not all(person.is_on for person in people):
                    await asyncio.sleep(0.1)
            await chaos.try_fault(NOTHING)
            plan = list(chosen.values()) * options.times
            order.shuffle(plan)
            for number, fault in enumerate(plan, 1):
                await asyncio.sleep(order.uniform(0, CYCLE_S))
                print(f"{number}/{len(plan)}: {fault.name} …", flush=True)
                await chaos.try_fault(fault)
                options.so_far.write_text(f"{number} of {len(plan)} tries\n\n{table(chaos.in_order(chosen))}\n")
            late_ms = 1000 * sorted(late_s)[len(late_s) * 99 // 100]
        left = await left_over(mesh)
        if any(left.values()):
            print(await where_tasks_wait(mesh), flush=True)
    print(f"the learners' frames were late by {late_ms:.0f} ms at p99")
    rows = chaos.in_order(chosen)
    return rows, problems(rows, list(chosen), options.times, left)


async def _no_harm() -> None:
    """Do nothing."""


NOTHING = Fault("nothing", _no_harm, _no_harm, CYCLE_S)
"""No fault at all: the others are compared with its row."""


@asynccontextmanager
async def _mesh(folder: Path, link: RedisLink, valkey_port: int) -> AsyncIterator[StubMesh]:
    """The mesh. A thread starts and ends it, because the Redis link needs this event loop at the same time."""
    running = stub_mesh(folder, redis_port=link.port, VALKEY_PORT=str(valkey_port))
    mesh = await asyncio.to_thread(running.__enter__)
    try:
        yield mesh
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.reliability.chaos", description=__doc__)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--times", type=int, default=20, help="how often each fault is tried")
    parser.add_argument("--stopped", type=float, default=20.0, help="seconds for which a process is stopped")
    parser.add_argument("--away", type=float, default=30.0, help="seconds for which Redis is away, full, …")
    parser.add_argument("--seed", type=int, default=None, help="of the order of the faults and the pauses between them")
    parser.add_argument("--only", nargs="+", help="names of faults, as in the table")
    parser.add_argument(
        "--so-far",
        type=Path,
        default=Path(tempfile.gettempdir()) / "aitalk-chaos-so-far.md",
        help="where the table of the tries so far is written",
    )
    parser.add_argument("--log", type=Path, help="keep the mesh's log here")
    options = parser.parse_args()
    options.seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    print(f"seed {options.seed}, {options.learners} learners, each fault {options.times} times", flush=True)
    with tempfile.TemporaryDirectory(prefix="aitalk-chaos-") as name:
        folder = Path(name)
        try:
            rows, found = uvloop.run(run(options, folder))
        finally:
            if options.log and (folder / "mesh.log").exists():
                options.log.write_bytes((folder / "mesh.log").read_bytes())
    print(f"\n{table(rows)}\n")
    print("\n".join(found) if found else "every goal was met")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
