"""Starts and ends the systems that are measured, on free ports of 127.0.0.1: mesh, gateway alone, or Pipecat."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.load.delays import HEARD, MARK, REPLY_RATE_HZ, REPLY_S, Delays, reply_tokens
from bench.load.speech import RATE_HZ, Program
from deploy.ports import free_ports
from tests.support.mesh import ROOT, RunningProcess, running, wait_until_ready

PIPECAT = Path(".venv-pipecat/bin/python")
PIPECAT_SERVER = Path(__file__).parent / "pipecat_server.py"
GREETING = json.dumps({"type": "start", "audio": {"encoding": "pcm_s16le", "sample_rate": RATE_HZ}})
_MANY = "2000"


@dataclass(frozen=True)
class System:
    """url: its WebSocket. greeting: what a client says first. processes: by name; learners connect to the first one.
    asr: the address of asr_service or its stub; empty for Pipecat."""

    url: str
    greeting: str
    processes: dict[str, psutil.Process]
    asr: str = ""


@contextmanager
def mesh(folder: Path, delays: Delays, *, asr_threads: int = 64) -> Iterator[System]:
    """The real gateway and asr_service, which runs `asr_threads` decodes at once, and models that take fixed times."""
    with ExitStack() as stack:
        asr, models = free_ports(2)
        recogniser = stack.enter_context(recognising(folder, delays, asr, threads=asr_threads))
        stubs = stack.enter_context(running("bench.load.stubs", folder / "stubs.log", _stubs(delays, models)))
        yield stack.enter_context(_gateway(folder, asr, models, {"asr_service": recogniser, "stubs": stubs}))


@contextmanager
def gateway_alone(folder: Path, delays: Delays, said: Program) -> Iterator[System]:
    """The real gateway and Valkey. All models are stubs, and one of them replaces asr_service."""
    (models,) = free_ports(1)
    heard = {"ASR_PORT": str(models), "VOICED": json.dumps(said.voiced), "PROGRAM_SAMPLES": str(len(said.pcm))}
    with (
        running("bench.load.stubs", folder / "stubs.log", _stubs(delays, models) | heard) as stubs,
        _gateway(folder, models, models, {"stubs": stubs}) as system,
    ):
        yield system


@contextmanager
def recognising(folder: Path, delays: Delays, port: int, *, threads: int = 64) -> Iterator[RunningProcess]:
    """The real asr_service with voice detection, around a recogniser that takes these delays."""
    settings = {
        "ASR_PORT": str(port),
        "ASR_MAX_STREAMS": _MANY,
        "ASR_THREADS": str(threads),  # the threads only sleep
        "DELAYS": delays.model_dump_json(),
        "DRAIN_TIMEOUT_S": "1",
        "LOG_LEVEL": "WARNING",
    }
    with running("bench.load.asr_process", folder / "asr.log", settings) as process:
        yield process


@contextmanager
def pipecat(folder: Path, delays: Delays, python: Path, *, smart_turn: bool) -> Iterator[System]:
    """Pipecat with everything in one process. python: of an environment with the packages of
    deploy/locks/load-pipecat.txt."""
    (port,) = free_ports(1)
    command = [str(python), str(PIPECAT_SERVER)]
    reply = {"heard": HEARD, "tokens": reply_tokens(), "reply_s": REPLY_S, "mark": MARK.hex()}
    options = {"port": port, "smart_turn": smart_turn, **delays.model_dump(), **reply}
    log_path = folder / "pipecat.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen([*command, json.dumps(options)], cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", RunningProcess(process, log_path))
        yield System(f"ws://127.0.0.1:{port}/ws", "", {"pipecat": psutil.Process(process.pid)})
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def _gateway(folder: Path, asr: int, models: int, behind: dict[str, RunningProcess]) -> Iterator[System]:
    port, valkey_port = free_ports(2)
    store = {"VALKEY_PORT": str(valkey_port), "VALKEY_DATA_DIR": str(folder / "valkey")}
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ASR_ADDRESS": f"127.0.0.1:{asr}",
        "LLM_ADDRESS": f"127.0.0.1:{models}",
        "TTS_ADDRESS": f"127.0.0.1:{models}",
        "REDIS_URL": f"redis://127.0.0.1:{valkey_port}/0",
        "CLIENT_MAX_CONNECTIONS": _MANY,  # the learners come from one address
        "CLIENT_CONNECTIONS_PER_MIN": "0",
        "TTS_SAMPLE_RATE": str(REPLY_RATE_HZ),
        "LOG_LEVEL": "WARNING",
    }
    with (
        running("deploy.valkey", folder / "valkey.log", store) as valkey,
        running("gateway", folder / "gateway.log", settings) as gateway,
    ):
        wait_until_ready(f"http://127.0.0.1:{port}", gateway)
        started = {"gateway": gateway, **behind, "valkey": valkey}
        yield System(
            url=f"ws://127.0.0.1:{port}/ws/conversation",
            greeting=GREETING,
            processes={name: psutil.Process(one.process.pid) for name, one in started.items()},
            asr=f"127.0.0.1:{asr}",
        )


def _stubs(delays: Delays, port: int) -> dict[str, str]:
    return {"LLM_PORT": str(port), "TTS_PORT": str(port), "DELAYS": delays.model_dump_json()}
