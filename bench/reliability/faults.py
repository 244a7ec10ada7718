"""The faults that `make chaos` causes. Each fault is begun, and ended after its time unless it ends by itself.

A killed process is started again by the supervisor, the language model's server by llm_service. A stopped process goes
on after its time, unless one of these two has replaced it before. Redis is usable again when the fault is repaired.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import psutil
import redis.asyncio as redis

from bench.reliability.mesh import PROCESSES, StubMesh
from bench.reliability.redis_link import RedisLink

SLOW_S = 1.0
_NOBODY = 1  # a port on which nobody listens: the replica never reaches a master


@dataclass(frozen=True)
class Fault:
    """name: as in the table. begin, mend: cause and repair the fault. lasts_s: the time in between. process: the one
    that must serve again before the fault counts as over; empty: none. is_kill: that process must be a new one."""

    name: str
    begin: Callable[[], Awaitable[None]]
    mend: Callable[[], Awaitable[None]]
    lasts_s: float
    process: str = ""
    is_kill: bool = False


def all_faults(mesh: StubMesh, link: RedisLink, *, stopped_s: float, away_s: float) -> Mapping[str, Fault]:
    """Every fault of the mesh, by its name."""
    kills = [_kill(mesh, name) for name in PROCESSES]
    stops = [_stop(mesh, name, stopped_s) for name in PROCESSES]
    return {fault.name: fault for fault in [*kills, *stops, *_of_redis(mesh, link, away_s)]}


def _kill(mesh: StubMesh, name: str) -> Fault:
    async def begin() -> None:
        if process := mesh.find(name):
            process.kill()

    return Fault(f"{name} killed", begin, _nothing, 0.0, process=name, is_kill=True)


def _stop(mesh: StubMesh, name: str, lasts_s: float) -> Fault:
    stopped: list[psutil.Process] = []

    async def begin() -> None:
        if process := mesh.find(name):
            process.suspend()
            stopped.append(process)

    async def mend() -> None:
        while stopped:
            process = stopped.pop()
            if process.is_running():
                process.resume()

    return Fault(f"{name} stopped", begin, mend, lasts_s, process=name)


def _of_redis(mesh: StubMesh, link: RedisLink, lasts_s: float) -> list[Fault]:
    async def cut() -> None:
        link.cut()

    async def slow() -> None:
        link.slow_s = SLOW_S

    async def mend_link() -> None:
        link.mend()

    def command(*words: str | int) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            async with redis.Redis(port=mesh.valkey_port) as client:
                await client.execute_command(*words)  # type: ignore[no-untyped-call]

        return send

    return [
        Fault("Redis away", cut, mend_link, lasts_s),
        Fault(
            "Redis full", command("CONFIG", "SET", "maxmemory", 1), command("CONFIG", "SET", "maxmemory", 0), lasts_s
        ),
        Fault(
            "Redis read-only",
            command("REPLICAOF", "127.0.0.1", _NOBODY),
            command("REPLICAOF", "NO", "ONE"),
            lasts_s,
        ),
        Fault("Redis slow", slow, mend_link, lasts_s),
    ]


async def _nothing() -> None:
    """The repair of a fault that ends by itself."""
