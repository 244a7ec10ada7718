"""The real mesh for tests: `python -m deploy.mesh`, or single processes of it, on free ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from common.smollm2 import PARTNER_ADAPTER, find_smollm2
from deploy.ports import free_ports
from llm_service.servers.eight_bits import in_eight_bits

ROOT = Path(__file__).parent.parent.parent
START_TIMEOUT_S = 90.0
SHORT_REPLIES = {"LLM_TEMPERATURE": "0", "LLM_MAX_TOKENS": "64"}
"""Settings of a mesh whose replies are always the same and take at most about 15 s to speak."""


@dataclass(frozen=True)
class RunningProcess:
    """A process of the project. `log` is what it has printed so far."""

    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 20.0) -> int:
        """Send the signal and wait until the process ends; returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout_s)


@contextmanager
def running(module: str, log_path: Path, environment: Mapping[str, str]) -> Iterator[RunningProcess]:
    """Run `python -m module` with only these settings. The process is stopped at the end of the block, if it still
    runs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=ROOT, env=kept | dict(environment), stdout=log, stderr=log
        )
    try:
        yield RunningProcess(process, log_path)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@dataclass(frozen=True)
class Mesh:
    """A running gateway with everything behind it."""

    port: int
    process: RunningProcess
    settings: Mapping[str, str]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/conversation"

    def neighbour(self, port: int, **settings: str) -> dict[str, str]:
        """Settings of one more gateway on the same model servers and the same Redis."""
        return {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "ASR_ADDRESS": f"127.0.0.1:{self.settings['ASR_PORT']}",
            "LLM_ADDRESS": f"127.0.0.1:{self.settings['LLM_PORT']}",
            "TTS_ADDRESS": f"127.0.0.1:{self.settings['TTS_PORT']}",
            "REDIS_URL": f"redis://127.0.0.1:{self.settings['VALKEY_PORT']}/0",
            **settings,
        }


def models_folder(folder: Path) -> Path:
    """Make `folder` a models folder with the 8-bit copy of the bundled language model.

    Without the copy, llm_service would make one at its start, which takes 6 to 12 s.
    """
    copy = in_eight_bits(find_smollm2(), ROOT / "models", PARTNER_ADAPTER)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / copy.name).symlink_to(copy)
    return folder


@contextmanager
def running_mesh(folder: Path, start_timeout_s: float = START_TIMEOUT_S, /, **settings: str) -> Iterator[Mesh]:
    """Run all five processes as `make run` does; yields once /ready says that they are ready."""
    names = ("PORT", "ASR_PORT", "LLM_PORT", "TTS_PORT", "VALKEY_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    environment = {**ports, "HOST": "127.0.0.1", "VALKEY_DATA_DIR": str(folder / "valkey"), **settings}
    with running("deploy.mesh", folder / "mesh.log", environment) as process:
        wait_until_ready(f"http://127.0.0.1:{ports['PORT']}", process, start_timeout_s)
        yield Mesh(int(ports["PORT"]), process, environment)


def wait_until_ready(url: str, process: RunningProcess, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until the gateway at `url` is ready; fails with the log if the process ends or that takes too long."""
    deadline = time.monotonic() + timeout_s
    with httpx.Client(timeout=5) as http:
        while time.monotonic() < deadline and process.process.poll() is None:
            try:
                if http.get(f"{url}/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    raise AssertionError(f"not ready:\n{process.log}")
