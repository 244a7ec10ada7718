"""Runs the mesh of this checkout, or of an older one to compare with."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.ports import free_ports
from tests.support.mesh import ROOT

START_TIMEOUT_S = 900.0  # at the first start, a model may have to be joined or downloaded

KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_", "UV_", "PIP_", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
"""A mesh inherits the variables whose names begin like this: those that a download needs, but none of our settings."""


@dataclass(frozen=True)
class RunningMesh:
    """ws: the URL of its WebSocket. pid: the process that watches over the others. metrics: the URLs of its services'
    metrics, by service."""

    ws: str
    pid: int
    metrics: dict[str, str]


@contextmanager
def mesh(name: str, folder: Path, *, checkout: Path = ROOT, settings: Mapping[str, str]) -> Iterator[RunningMesh]:
    """Run the mesh of a checkout that has its `.venv`. Yields once the mesh is ready."""
    python = Path(sys.executable) if checkout == ROOT else checkout / ".venv/bin/python"
    names = ("PORT", "ASR_PORT", "LLM_PORT", "TTS_PORT", "VALKEY_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    first = three_ports_in_a_row()
    metrics = {"gateway": f"http://127.0.0.1:{ports['PORT']}/metrics"} | {
        service: f"http://127.0.0.1:{first + number}/metrics"
        for number, service in enumerate(("asr_service", "llm_service", "tts_service"))
    }
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    own = {"HOST": "127.0.0.1", "METRICS_PORT": str(first), "VALKEY_DATA_DIR": str(folder / name)}
    environment = {**kept, **ports, **own, **settings}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "deploy.mesh"], cwd=checkout, env=environment, stdout=log, stderr=log
        )
    try:
        _wait(f"http://127.0.0.1:{ports['PORT']}/ready", process, folder / f"{name}.log")
        yield RunningMesh(f"ws://127.0.0.1:{ports['PORT']}/ws/conversation", process.pid, metrics)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def three_ports_in_a_row() -> int:
    """The first of three free ports in a row. A mesh derives the metrics ports of its services from one setting."""
    while True:
        (first,) = free_ports(1)
        try:
            for port in (first + 1, first + 2):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"{url} did not become ready; the end of {log}:\n{log.read_text()[-2000:]}")
