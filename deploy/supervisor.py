"""Runs the processes of `make run` and watches them, until it is told to stop.

A process that ends is started again (`deploy.lifeline` says when). A process that no longer answers its health check is
killed and started again. The processes stop in stages, so that the gateway can still hand over and save the
conversations.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from common.child_process import ChildProcess, run_child
from deploy.health_checks import Check
from deploy.lifeline import CHECK_EVERY_S, GiveUp, Lifeline, how

KEPT_LINES = 50
FIRST_CHECKS_EVERY_S = 0.5
"""The interval of health checks until a process serves."""
AFTER_S = 10.0
_CANT_START = "can't start: "
"""What a process writes before the reason (common.process)."""


@dataclass(frozen=True)
class Program:
    """A process to keep alive. command: for the shell. stop_within_s: from SIGTERM to SIGKILL.

    stage: programs with a higher stage are stopped first. after: a program that this one needs; this one starts once
    that one serves, but waits at most AFTER_S.
    """

    name: str
    command: str
    variables: Mapping[str, str]
    check: Check
    stop_within_s: float = 10.0
    stage: int = 0
    after: str = ""


class CantStartError(Exception):
    """A process can't start at all. The message names the process and the reason, and quotes its output."""


class Supervisor:
    """Keeps programs alive. say: prints a line under the name of its process; the supervisor's own name is "system"."""

    def __init__(
        self,
        programs: Sequence[Program],
        say: Callable[[str, str], None],
        *,
        check_every_s: float = CHECK_EVERY_S,
        new_lifeline: Callable[[], Lifeline] = Lifeline,
    ) -> None:
        self._programs = programs
        self._say = say
        self._check_every_s = check_every_s
        self._new_lifeline = new_lifeline
        self._children: dict[str, ChildProcess] = {}
        self._serving = {program.name: asyncio.Event() for program in programs}
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then stop all programs. Raises CantStartError if a program can't start at all."""
        keepers = [(program.stage, asyncio.create_task(self._keep(program))) for program in self._programs]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopping, *(task for _, task in keepers)}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping = True
            stopping.cancel()
            for stage in sorted({stage for stage, _ in keepers}, reverse=True):
                tasks = [task for its_stage, task in keepers if its_stage == stage]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        for _, task in keepers:
            if not task.cancelled():
                task.result()

    async def all_serve(self) -> None:
        """Wait until every program has served."""
        await asyncio.gather(*(serving.wait() for serving in self._serving.values()))

    def kill(self) -> None:
        """Kill everything at once."""
        for child in self._children.values():
            child.kill()

    async def _keep(self, program: Program) -> None:
        """Run a program, and start it again whenever it ends, until cancelled. Raises CantStartError."""
        lifeline = self._new_lifeline()
        if needed := self._serving.get(program.after):
            with suppress(TimeoutError):
                await asyncio.wait_for(needed.wait(), AFTER_S)
        while True:
            last_lines: deque[str] = deque(maxlen=KEPT_LINES)
            lifeline.started(time.monotonic())
            status = await self._run_once(program, lifeline, last_lines)
            if self._stopping:
                return
            says_why = any(_CANT_START in line for line in last_lines)
            match lifeline.ended(status, time.monotonic(), says_why=says_why):
                case GiveUp():
                    raise CantStartError(f"{program.name} {how(status)}: {last_words(last_lines)}")
                case again:
                    self._say("system", f"{program.name} {how(status)}; it is started again in {again.pause_s:g} s")
                    await asyncio.sleep(again.pause_s)

    async def _run_once(self, program: Program, lifeline: Lifeline, last_lines: deque[str]) -> int:
        """Run a program until it ends. Returns its exit status. When cancelled, it stops the program first."""
        async with run_child(["/bin/sh", "-c", program.command], program.variables) as child:
            child.stop_timeout_s = program.stop_within_s
            self._children[program.name] = child
            self._say("system", f"{program.name} started (pid={child.pid})")
            reading = asyncio.create_task(self._pass_on(program, child, last_lines))
            watching = asyncio.create_task(self._watch(program, child, lifeline))
            try:
                return await child.wait()
            finally:
                watching.cancel()
                await child.stop()
                await asyncio.wait(
                    {reading}, timeout=1.0
                )  # read its last lines, but not for long, because a process that it left behind may hold the pipe
                reading.cancel()

    async def _pass_on(self, program: Program, child: ChildProcess, last_lines: deque[str]) -> None:
        async for line in child.lines():
            if line:
                last_lines.append(line)
            self._say(program.name, line)

    async def _watch(self, program: Program, child: ChildProcess, lifeline: Lifeline) -> None:
        """Check the program's health, and kill it if it hangs."""
        while True:
            await asyncio.sleep(self._check_every_s if lifeline.serves else FIRST_CHECKS_EVERY_S)
            hangs = lifeline.seen(await program.check(child.pid), time.monotonic())
            if lifeline.serves:
                self._serving[program.name].set()
            if hangs:
                self._say("system", f"{program.name} no longer answers; it is killed, and started again")
                child.kill()
                return


def last_words(lines: Sequence[str]) -> str:
    """Why a process ended: the line of its output that says why it can't start, or otherwise the last line."""
    for line in reversed(lines):
        _, found, why = line.partition(_CANT_START)
        if found:
            return why
    return f"its last words: {lines[-1]}" if lines else "it said nothing"
