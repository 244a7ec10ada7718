"""Two `make run` never choose the same port, even if they start at the same time."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.mesh_plan import plan
from deploy.port_locks import PortLocks
from deploy.ports import PARTS, free_ports
from deploy.preflight import CannotStartError, check_machine
from tests.unit.deploy.test_preflight import make_run


def test_two_plans_at_once_share_no_port(tmp_path: Path) -> None:
    """Nothing listens yet on the ports of the first plan, so only its locks keep the second plan from them."""
    parts = [replace(part, default_port=port) for part, port in zip(PARTS, free_ports(len(PARTS)), strict=True)]
    first, second = PortLocks(tmp_path), PortLocks(tmp_path)
    _, of_first = plan({"PORT": "0"}, parts, first.reserve_free)
    _, of_second = plan({"PORT": "0"}, parts, second.reserve_free)
    names = ("PORT", *(part.port for part in parts))
    assert [of_first[part.port] for part in parts] == [str(part.default_port) for part in parts]
    assert len({settings[name] for settings in (of_first, of_second) for name in names}) == 2 * len(names)


def test_a_port_that_is_set_for_two_meshes_is_told_to_the_second(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    gateway = {"gateway": {"HOST": "127.0.0.1", "PORT": str(port)}}
    first = PortLocks(tmp_path)
    check_machine(gateway, first)
    check_machine(gateway, first)  # a mesh is not refused because of its own lock
    with pytest.raises(CannotStartError, match=f"port {port} is reserved by another `make run`"):
        check_machine(gateway, PortLocks(tmp_path))
    del first
    check_machine(gateway, PortLocks(tmp_path))


def test_make_run_asks_for_the_lock(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    locks = PortLocks(tmp_path / f"aitalk-ports-{os.getuid()}")
    assert locks.reserve(port)
    valkey = str(tmp_path / "valkey")
    said = make_run(TMPDIR=str(tmp_path), VALKEY_DATA_DIR=valkey, HOST="127.0.0.1", PORT=str(port))
    line = said.splitlines()[-1]
    assert line.startswith(f"can't start: port {port} is reserved by another `make run`; stop that one, or run `make")


def test_without_a_folder_for_locks_a_mesh_starts_nevertheless(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert PortLocks(tmp_path / "file").reserve(50051)
