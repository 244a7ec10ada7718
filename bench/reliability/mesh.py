"""`python -m bench.reliability.mesh`: the mesh of `make run` with models that take fixed times.

The processes are those of `make run`, under the same supervisor. They differ in this: recognition and synthesis run
around stub engines, llm_service starts `bench.reliability.model_server` instead of vLLM, and the gateway can show where
its tasks wait. The gateway reaches Valkey at GATEWAY_REDIS_URL, which may lead through a `RedisLink`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.load.delays import REPLY_RATE_HZ, Delays
from deploy.mesh import run
from deploy.mesh_plan import METERED, Process, processes_of
from deploy.port_locks import is_free
from deploy.ports import free_ports
from tests.support.mesh import ROOT, RunningProcess, wait_until_ready

MODULES = {
    "gateway": "bench.reliability.gateway_process",
    "asr": "bench.load.asr_process",
    "llm": "llm_service",
    "tts": "bench.load.tts_process",
}
DELAYS = Delays(decode=0.1, partial=0.05, first_token=0.1, token=0.01, speech=0.05)
PROCESSES = ("gateway", "asr", "llm", "model", "tts", "redis")
"""Names of the processes. `model` is the model server that llm_service starts."""
GRACE_S = 2.0


def with_stubs(processes: Mapping[str, Process], environment: Mapping[str, str]) -> dict[str, Process]:
    """The processes of `make run` with the commands of the stubs."""
    commands = {name: f"exec python -m {module}" for name, module in MODULES.items()}
    changed = {name: replace(one, command=commands.get(name, one.command)) for name, one in processes.items()}
    gateway = changed["gateway"]
    link = {"REDIS_URL": environment.get("GATEWAY_REDIS_URL") or gateway.variables["REDIS_URL"]}
    changed["gateway"] = replace(gateway, variables={**gateway.variables, **link})
    return changed


@dataclass(frozen=True)
class StubMesh:
    """A running mesh. ports, metrics_ports: of recognition, the language model and synthesis."""

    port: int
    valkey_port: int
    ports: Mapping[str, int]
    metrics_ports: Mapping[str, int]
    process: RunningProcess
    folder: Path

    @property
    def http(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """The address of conversations."""
        return f"ws://127.0.0.1:{self.port}/ws/conversation"

    def find(self, name: str) -> psutil.Process | None:
        """The present process for one of PROCESSES; None while it does not run."""
        for child in psutil.Process(self.process.process.pid).children(recursive=True):
            try:
                if _is(name, child.cmdline()):
                    return child
            except psutil.Error:
                continue
        return None


def _is(name: str, command: list[str]) -> bool:
    match name:
        case "redis":
            return bool(command) and "valkey-server" in command[0]  # Valkey's process title also contains its address
        case "model":
            return "bench.reliability.model_server" in command
        case _:
            return command[1:3] == ["-m", MODULES[name]]


@contextmanager
def stub_mesh(folder: Path, *, redis_port: int | None = None, **settings: str) -> Iterator[StubMesh]:
    """Run the mesh. Yields once it is ready. redis_port: of a RedisLink to Valkey; None: no link.
    Valkey itself listens on VALKEY_PORT."""
    names = ["PORT", "ASR_PORT", "LLM_PORT", "TTS_PORT"]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    valkey_port = settings.pop("VALKEY_PORT", None) or str(free_ports(1)[0])
    metrics = _three_in_a_row()
    environment = {
        **_environment(folder),
        **ports,
        "VALKEY_PORT": valkey_port,
        "GATEWAY_REDIS_URL": f"redis://127.0.0.1:{redis_port or valkey_port}/0",
        "METRICS_PORT": str(metrics),
        **settings,
    }
    log_path = folder / "mesh.log"
    with log_path.open("ab") as log:
        command = [sys.executable, "-m", "bench.reliability.mesh"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    running = RunningProcess(process, log_path)
    try:
        wait_until_ready(f"http://127.0.0.1:{ports['PORT']}", running)
        at = {name: int(ports[f"{name.upper()}_PORT"]) for name in METERED}
        metered = {name: metrics + place for place, name in enumerate(METERED)}
        yield StubMesh(int(ports["PORT"]), int(valkey_port), at, metered, running, folder)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _environment(folder: Path) -> dict[str, str]:
    """The settings of each stub mesh, without its ports."""
    return {
        **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
        **{f"{name}_MAX_STREAMS": "80" for name in ("ASR", "LLM", "TTS")},
        "PATH": f"{_vllm_folder(folder)}{os.pathsep}{os.environ['PATH']}",
        "HOST": "127.0.0.1",
        "VALKEY_DATA_DIR": str(folder / "valkey"),
        "LLM_ENGINE": "vllm",
        "LLM_MODEL_NAME": "stub",
        "ASR_THREADS": "16",
        "TTS_THREADS": "16",
        "ASR_END_SILENCE_MS": "600",  # fixed, because Smart Turn at each pause would take more than two cores
        "TTS_SAMPLE_RATE": str(REPLY_RATE_HZ),
        "ADMISSION_GRACE_S": str(GRACE_S),
        "HELP_AFTER_S": "0",
        "DELAYS": DELAYS.model_dump_json(),
        "NUMBERED": "true",
    }


def _vllm_folder(folder: Path) -> Path:
    """A folder with a command `vllm`, which is the stub."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "vllm"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bench.reliability.model_server "$@"\n')
    program.chmod(0o755)
    return programs


def _three_in_a_row() -> int:
    """The first of three free ports in a row."""
    while True:
        (first,) = free_ports(1)
        if first < 65_000 and all(is_free(first + more) for more in (1, 2)):
            return first


def main() -> None:
    """Run until SIGTERM."""
    environment = dict(os.environ)
    sys.exit(run(with_stubs(processes_of(environment), environment)))


if __name__ == "__main__":
    main()
