"""The health checks of `make run`, on real processes that load, serve and hang."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from common.child_process import free_port
from deploy.environments import environment_of
from deploy.health_checks import check_model_server
from deploy.lifeline import Sign
from deploy.mesh import programs_of
from deploy.mesh_plan import Process
from deploy.supervisor import Program
from tests.unit.deploy.test_supervisor import supervised


def recogniser(port: int, folder: Path, how: str) -> Program:
    """A real model server whose model loads as `how` says, started and checked as by `make run`."""
    settings = {"ASR_PORT": str(port), "MODELS_CACHE_DIR": str(folder), "FAILING_HOW": how, "PATH": os.environ["PATH"]}
    process = Process(f"exec {sys.executable} -m tests.support.failing_service", environment_of("asr", {}), settings)
    (program,) = programs_of({"asr": process})
    return program


async def test_a_model_server_that_hangs_is_silent_and_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.health_checks.TIMEOUT_S", 1.0)
    monkeypatch.setattr("deploy.lifeline.HANGS_AFTER_S", 1.0)
    program = recogniser(free_port(), tmp_path, "well")
    seen: list[Sign] = []

    async def noted(pid: int) -> Sign:
        seen.append(await program.check(pid))
        return seen[-1]

    async with supervised(replace(program, check=noted), check_every_s=0.1) as (output, supervisor):
        await asyncio.wait_for(supervisor.all_serve(), 20)
        assert seen[-1] is Sign.SERVES
        (first,) = [line for line in output.of("system") if line.startswith("asr started")]
        seen.clear()
        os.kill(int(first.strip(")").rpartition("=")[2]), signal.SIGSTOP)
        said = await output.until("system", 4)
        assert said[1] == "asr no longer answers; it is killed, and started again"
        assert said[2].startswith("asr was killed by SIGKILL; it is started again")
        assert seen.count(Sign.SILENT) >= 2


async def test_a_model_server_that_loads_answers_but_does_not_serve(tmp_path: Path) -> None:
    port = free_port()
    program = recogniser(port, tmp_path, "hang")
    assert await check_model_server(f"127.0.0.1:{port}") is Sign.SILENT
    async with supervised(replace(program, stop_within_s=0.2)), asyncio.timeout(20):
        while (sign := await program.check(0)) is Sign.SILENT:
            await asyncio.sleep(0.1)
        assert sign is Sign.ANSWERS
