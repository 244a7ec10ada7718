"""The Pipecat server of a bench run, as a child process in its own environment."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.ports import free_ports
from tests.support.mesh import ROOT

PYTHON = ROOT / ".venv-bench" / "bin" / "python"
BOT = Path(__file__).parent / "pipecat_bot.py"
START_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class PipecatServer:
    """A running server."""

    port: int

    def url(self, setting: str) -> str:
        """The WebSocket of a setting, "smart-turn" or "time-out"."""
        return f"ws://127.0.0.1:{self.port}/{setting}"


@contextmanager
def running_pipecat(folder: Path, **config: object) -> Iterator[PipecatServer]:
    """Run the server for the length of the block.

    config: the fields of pipecat_bot.Config except the port. The log is folder/pipecat.log.
    """
    (port,) = free_ports(1)
    settings = folder / "pipecat.json"
    settings.write_text(json.dumps({"port": port, **config}))
    log_path = folder / "pipecat.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen([PYTHON, "-P", BOT, settings], cwd=folder, stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process, log_path)
        yield PipecatServer(port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def versions() -> dict[str, str]:
    """The versions of the relevant packages in Pipecat's environment."""
    listing = subprocess.run(
        [PYTHON, "-c", _LIST_VERSIONS], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    found: dict[str, str] = json.loads(listing)
    return found


_LIST_VERSIONS = """
import json
from importlib.metadata import version
names = ("pipecat-ai", "faster-whisper", "ctranslate2", "onnxruntime", "piper-tts")
print(json.dumps({name: version(name) for name in names}))
"""


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"Pipecat did not start:\n{log_path.read_text(errors='replace')}")
