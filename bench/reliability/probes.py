"""Asks a running mesh whether a process serves, and what Redis has stored."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
import psutil
import redis.asyncio as redis

from bench.reliability.mesh import StubMesh
from bench.reliability.verdict import Kept
from deploy.health_checks import check_gateway, check_model_server, check_valkey
from deploy.lifeline import Sign
from gateway.history import TURN, LearnerTurn

METRIC_TIMEOUT_S = 60  # on a busy machine, 5 s were too short and made a soak fail


async def serves(mesh: StubMesh, name: str) -> bool:
    """Whether one of the processes serves at present."""
    match name:
        case "gateway":
            sign = await check_gateway("127.0.0.1", mesh.port)
        case "redis":
            sign = await check_valkey(mesh.valkey_port)
        case "model":
            return await _model_serves(mesh)
        case _:
            sign = await check_model_server(f"127.0.0.1:{mesh.ports[name]}")
    return sign is Sign.SERVES


async def _model_serves(mesh: StubMesh) -> bool:
    """Whether the model server serves, and llm_service reports it as serving."""
    process = mesh.find("model")
    try:
        command = process.cmdline() if process else []
        port = command[command.index("--port") + 1]
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            await client.get(f"http://127.0.0.1:{port}/health")
    except (psutil.Error, ValueError, httpx.HTTPError):
        return False
    return await check_model_server(f"127.0.0.1:{mesh.ports['llm']}") is Sign.SERVES


async def kept_turns(mesh: StubMesh, sessions: Iterable[str]) -> Kept:
    """What Redis has stored of these sessions."""
    said, heard = {}, {}
    async with redis.Redis(port=mesh.valkey_port, decode_responses=True) as client:
        for session in sessions:
            key = f"aitalk:session:{{{session}}}:turns"
            turns = [TURN.validate_json(turn) for turn in await client.lrange(key, 0, -1)]
            said[session] = [turn.text for turn in turns if isinstance(turn, LearnerTurn)]
            heard[session] = {turn.turn_id for turn in turns if not isinstance(turn, LearnerTurn)}
    return Kept(said, heard)


async def metric(port: int, name: str) -> float:
    """The sum of a metric over its labels, from /metrics on this port. Raises httpx.HTTPError."""
    async with httpx.AsyncClient(trust_env=False, timeout=METRIC_TIMEOUT_S) as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    found = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rpartition(" ")[2]) for line in found)
