"""The compared meshes: one of this checkout for each model step and, if asked for, one of an older checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.mesh import free_ports
from tests.support.mesh import ROOT

START_TIMEOUT_S = 900.0  # the first start of a step may join or download its model

KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_", "UV_", "PIP_", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
"""Beginnings of the names of the variables that a mesh inherits: what a download needs, but no setting of ours."""

STEPS: dict[str, dict[str, str]] = {"bundled": {}, "laptop": {"PROFILE": "laptop"}}
"""Model step → the settings of `make run` that choose it."""


@contextmanager
def mesh(name: str, folder: Path, *, checkout: Path = ROOT, settings: Mapping[str, str]) -> Iterator[str]:
    """Run the mesh of a checkout that has its `.venv`; yields the URL of its WebSocket."""
    python = Path(sys.executable) if checkout == ROOT else checkout / ".venv/bin/python"
    names = ("PORT", "ASR_PORT", "LLM_PORT", "TTS_PORT", "VALKEY_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    environment = {**kept, **ports, "HOST": "127.0.0.1", "VALKEY_DATA_DIR": str(folder / name), **settings}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "deploy.mesh"], cwd=checkout, env=environment, stdout=log, stderr=log
        )
    try:
        _wait(f"http://127.0.0.1:{ports['PORT']}/ready", process, folder / f"{name}.log")
        yield f"ws://127.0.0.1:{ports['PORT']}/ws/conversation"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"{url} did not become ready; the last lines of its log:\n{log.read_text()[-2000:]}")
