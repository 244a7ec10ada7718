"""What must be gone once all learners have left: seats, places in the queue, sessions, slots of models."""

from __future__ import annotations

import asyncio
import signal
import time

import redis.asyncio as redis

from bench.reliability.gateway_process import FIRST, LAST
from bench.reliability.mesh import StubMesh
from bench.reliability.probes import metric
from gateway.admission.redis_seats import LEASE_S

SHOWN_WITHIN_S = 5.0
GONE_WITHIN_S = 2 * LEASE_S  # a killed gateway's leases lapse after LEASE_S


async def left_over(mesh: StubMesh) -> dict[str, float]:
    """What is left over, with its count. Waits up to GONE_WITHIN_S until everything is gone."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while True:
        left = await _count(mesh)
        if not any(left.values()) or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.5)


async def where_tasks_wait(mesh: StubMesh) -> str:
    """Where each task of the gateway waits, from the mesh's log; empty if the gateway does not answer."""
    log, gateway = mesh.folder / "mesh.log", mesh.find("gateway")
    if gateway is None:
        return ""
    before = log.stat().st_size
    gateway.send_signal(signal.SIGUSR1)
    deadline, shown = time.monotonic() + SHOWN_WITHIN_S, ""
    while LAST not in shown and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        shown = log.read_bytes()[before:].decode(errors="replace")
    return shown[shown.index(FIRST) : shown.index(LAST)] if FIRST in shown and LAST in shown else ""


async def session_keys(mesh: StubMesh, *, within_s: float) -> int:
    """How many keys of sessions Redis still has. Waits up to `within_s` for them to expire."""
    deadline = time.monotonic() + within_s
    async with redis.Redis(port=mesh.valkey_port) as client:
        while True:
            count = len([key async for key in client.scan_iter("aitalk:session:*")])
            if not count or time.monotonic() > deadline:
                return count
            await asyncio.sleep(1)


async def _count(mesh: StubMesh) -> dict[str, float]:
    async with redis.Redis(port=mesh.valkey_port) as client:
        seats = await client.zcount("aitalk:{admission}:seats", await _now_ms(client), "+inf")
        waiting = await client.zcard("aitalk:{admission}:queue")
    left = {"seats": float(seats), "places in the queue": float(waiting)}
    left["sessions"] = await metric(mesh.port, "aitalk_gateway_sessions")
    for name, port in mesh.metrics_ports.items():
        left[f"slots of {name}"] = await metric(port, "aitalk_server_slots_in_use")
    return left


async def _now_ms(client: redis.Redis) -> int:
    seconds, microseconds = await client.time()
    return int(seconds * 1000 + microseconds // 1000)
