"""`make setup` notices at its start that there is no network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import index_check
from tests.support.mesh import ROOT


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the check with pip's settings taken only from these environment variables."""
    return subprocess.run(
        [sys.executable, "deploy/index_check.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_an_index_that_can_not_be_reached_is_named_with_the_reason() -> None:
    port = closed_port()
    ended = check(PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple")
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}: Connection refused" in ended.stderr


def test_a_network_that_drops_packets_is_told_at_once_and_then_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Linux drops the packets of a new connection to a socket whose queue is full."""
    monkeypatch.setattr(index_check, "WITHIN_S", 0.05)
    monkeypatch.setattr(index_check, "LONGEST_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.socket() as first,
        socket.socket() as second,
    ):
        port = server.getsockname()[1]
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        assert index_check.main() == 1
    told = capsys.readouterr().err
    assert f"no answer from the package index (127.0.0.1:{port}) within 0.05 s; waiting for up to 0.1 s" in told
    assert f"can't be reached (127.0.0.1:{port}: no answer within 0.1 s)" in told
    assert told.count("HTTPS_PROXY") == 2


def test_the_proxy_is_what_must_be_reached() -> None:
    port = closed_port()
    ended = check(PIP_INDEX_URL="https://packages.invalid/simple", HTTPS_PROXY=f"127.0.0.1:{port}")
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr


def test_one_place_that_can_be_reached_is_enough(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        index = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        assert check(PIP_INDEX_URL=f"http://127.0.0.1:{closed_port()}", PIP_EXTRA_INDEX_URL=index).returncode == 0
    (tmp_path / "uv-1.0-py3-none-any.whl").touch()
    offline = check(PIP_INDEX_URL=f"http://127.0.0.1:{closed_port()}", PIP_FIND_LINKS=str(tmp_path))
    assert (offline.returncode, offline.stderr) == (0, "")


def test_make_stops_before_it_makes_an_environment(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["make", "setup", f"VENV={tmp_path / 'venv'}", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"http://127.0.0.1:{closed_port()}/simple",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    last = "\n".join(ended.stderr.splitlines()[-3:])
    assert "Connection refused" in last
    assert "can't set up" in last
    assert "HTTPS_PROXY" in last
    assert not (tmp_path / "venv").exists()
