"""Real (small) processes under the supervisor of `make run`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from common.child_process import free_port
from deploy.health_checks import check_gateway, check_valkey
from deploy.lifeline import Lifeline, Sign
from deploy.supervisor import CantStartError, Program, Supervisor, last_words

ROOT = Path(__file__).parent.parent.parent.parent
WAITS = "echo $$; exec sleep 60"


@dataclass
class Output:
    """The output of the supervisor and its programs."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def of(self, name: str) -> list[str]:
        return [line for one, line in self.lines if one == name]

    async def until(self, name: str, count: int) -> list[str]:
        """Wait for that many lines of `name`."""
        async with asyncio.timeout(20):
            while len(self.of(name)) < count:
                await asyncio.sleep(0.01)
        return self.of(name)


async def always_serves(_pid: int) -> Sign:
    return Sign.SERVES


def program(name: str, command: str, *, stage: int = 0, stop_within_s: float = 10.0) -> Program:
    return Program(name, command, {"PATH": os.environ["PATH"]}, always_serves, stop_within_s, stage)


@asynccontextmanager
async def supervised(*programs: Program, check_every_s: float = 0.05) -> AsyncIterator[tuple[Output, Supervisor]]:
    output, stop = Output(), asyncio.Event()
    supervisor = Supervisor(programs, lambda *said: output.lines.append(said), check_every_s=check_every_s)
    running = asyncio.create_task(supervisor.run(stop))
    try:
        yield output, supervisor
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await running


async def test_a_program_that_is_killed_starts_again_and_the_others_go_on() -> None:
    async with supervised(program("one", WAITS), program("other", WAITS)) as (output, _):
        (first,) = await output.until("one", 1)
        (other,) = await output.until("other", 1)
        await asyncio.sleep(0.6)  # until its first health check
        os.kill(int(first), signal.SIGKILL)
        second = (await output.until("one", 2))[1]
        assert second != first
        assert "one was killed by SIGKILL; it is started again in 0.5 s" in output.of("system")
        assert psutil.pid_exists(int(other))
    assert not psutil.pid_exists(int(second))
    assert not psutil.pid_exists(int(other))


async def test_it_is_known_when_all_serve() -> None:
    serves = asyncio.Event()

    async def check(_pid: int) -> Sign:
        return Sign.SERVES if serves.is_set() else Sign.ANSWERS

    slow = Program("slow", WAITS, {"PATH": os.environ["PATH"]}, check)
    async with supervised(program("fast", WAITS), slow) as (output, supervisor):
        await output.until("fast", 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(supervisor.all_serve(), 1.0)
        serves.set()
        await asyncio.wait_for(supervisor.all_serve(), 20)


async def test_a_program_that_no_longer_answers_is_replaced() -> None:
    signs = iter([Sign.SERVES, Sign.SILENT, Sign.SILENT])

    class Impatient(Lifeline):
        """A lifeline for which every silence is too long."""

        def seen(self, sign: Sign, now: float) -> bool:
            return super().seen(sign, now + (1_000 if sign is Sign.SILENT else 0))

    async def check(_pid: int) -> Sign:
        return next(signs, Sign.SERVES)

    output, stop = Output(), asyncio.Event()
    one = Program("one", WAITS, {"PATH": os.environ["PATH"]}, check)
    supervisor = Supervisor([one], lambda *said: output.lines.append(said), check_every_s=0.05, new_lifeline=Impatient)
    running = asyncio.create_task(supervisor.run(stop))
    (first,) = await output.until("one", 1)
    os.kill(int(first), signal.SIGSTOP)
    assert (await output.until("one", 2))[1] != first
    assert any("no longer answers" in line for line in output.of("system"))
    stop.set()
    await asyncio.wait_for(running, 20)


async def test_a_process_that_cannot_start_ends_all_and_says_why() -> None:
    output = Output()
    programs = (program("well", WAITS), program("ill", "echo 'ASR can'\"'\"'t start: PORT is taken'; exit 1"))
    supervisor = Supervisor(programs, lambda *said: output.lines.append(said))
    with pytest.raises(CantStartError, match=r"^ill ended with status 1: PORT is taken$"):
        await asyncio.wait_for(supervisor.run(asyncio.Event()), 20)
    (well,) = [line for line in output.of("system") if line.startswith("well started")]
    assert not psutil.pid_exists(int(well.strip(")").rpartition("=")[2]))


async def test_what_cannot_start_is_not_tried_for_ever_if_another_program_answers_on_its_port() -> None:
    """This happens if two meshes start at the same time with the same PORT."""
    gateway = program("gateway", "sleep 0.7; echo 'The gateway can'\"'\"'t start: PORT is taken'; exit 1")
    supervisor = Supervisor([gateway], lambda *_: None)
    with pytest.raises(CantStartError, match="PORT is taken"):
        await asyncio.wait_for(supervisor.run(asyncio.Event()), 10)


async def test_the_valkey_of_another_mesh_is_not_taken_for_the_own_one(tmp_path: Path) -> None:
    """Otherwise the second Valkey, which can't listen, would be started again and again, while the gateway of its mesh
    used the first."""
    port = free_port()

    def valkey(folder: str) -> Program:
        settings = {"VALKEY_PORT": str(port), "VALKEY_DATA_DIR": str(tmp_path / folder), "PATH": os.environ["PATH"]}
        return Program("redis", f"exec {sys.executable} -m deploy.valkey", settings, partial(check_valkey, port))

    async with supervised(valkey("first")) as (output, first):
        await asyncio.wait_for(first.all_serve(), 20)
        with pytest.raises(CantStartError, match=r"redis ended with status 1: .*Failed listening"):
            await asyncio.wait_for(Supervisor([valkey("second")], lambda *_: None).run(asyncio.Event()), 20)
        assert not any("started again" in line for line in output.of("system"))


async def test_stages_stop_one_after_the_other_and_last_lines_are_shown() -> None:
    slow = "trap 'sleep 0.3; echo saved; exit' TERM; echo up; while :; do sleep 0.05; done"
    quick = "trap 'echo closed; exit' TERM; echo up; while :; do sleep 0.05; done"
    async with supervised(program("store", quick), program("gateway", slow, stage=2)) as (output, _):
        await output.until("store", 1)
        await output.until("gateway", 1)
    assert [line for _, line in output.lines if line in ("saved", "closed")] == ["saved", "closed"]


async def test_a_program_starts_once_the_one_that_it_needs_serves() -> None:
    store = program("store", WAITS)
    async with supervised(replace(program("gateway", WAITS), after="store"), store) as (output, _):
        await output.until("gateway", 1)
    started = [line.split()[0] for line in output.of("system") if "started (pid" in line]
    assert started == ["store", "gateway"]


async def test_one_that_ignores_sigterm_is_killed() -> None:
    stubborn = "trap '' TERM; echo $$; while :; do sleep 0.05; done"
    async with supervised(program("one", stubborn, stop_within_s=0.2)) as (output, _):
        (pid,) = await output.until("one", 1)
    assert not psutil.pid_exists(int(pid))


async def test_children_end_with_a_manager_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "manager.py"
    script.write_text(
        "import asyncio\n"
        "from common.child_process import run_child\n"
        "async def main():\n"
        "    async with run_child(['/bin/sh', '-c', 'exec sleep 60']) as child:\n"
        "        print(child.pid, flush=True)\n"
        "        await child.wait()\n"
        "asyncio.run(main())\n"
    )
    manager = await asyncio.create_subprocess_exec(sys.executable, script, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert manager.stdout
    child = psutil.Process(int(await manager.stdout.readline()))
    async with asyncio.timeout(20):
        while child.name() != "sleep":  # the child ends with its parent only once it runs `sleep`
            await asyncio.sleep(0.01)
        manager.kill()
        await manager.wait()
        while child.is_running():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["INFO x", "ASR can't start: no model", "Application shutdown complete"], "no model"),
        (["Traceback", "KeyError: 1"], "its last words: KeyError: 1"),
        ([], "it said nothing"),
    ],
)
def test_the_reason_is_the_line_that_gives_it(lines: list[str], words: str) -> None:
    assert last_words(lines) == words


async def test_health_checks_by_http_and_by_valkeys_protocol() -> None:
    about = b"# Server\r\nprocess_id:4711\r\ntcp_port:6379\r\n"
    info = b"$%d\r\n%s\r\n" % (len(about), about)
    answers = {b"PING": b"+PONG\r\n" + info, b"GET ": b"HTTP/1.1 200 OK\r\n\r\n"}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers[(await reader.read(1000))[:4]])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await check_valkey(port) is Sign.SERVES
        assert await check_valkey(port, 4711) is Sign.SERVES
        assert await check_valkey(port, 4712) is Sign.SILENT
        assert await check_gateway("127.0.0.1", port) is Sign.SERVES
        answers[b"PING"] = b"-LOADING Valkey is loading the dataset in memory\r\n"
        answers[b"GET "] = b"HTTP/1.1 500 Internal Server Error\r\n\r\n"
        assert await check_valkey(port) is Sign.ANSWERS
        assert await check_valkey(port, 4711) is Sign.ANSWERS
        assert await check_gateway("127.0.0.1", port) is Sign.SILENT
    assert await check_valkey(port) is Sign.SILENT
