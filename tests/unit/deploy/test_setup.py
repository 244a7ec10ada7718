"""The output of `make setup`, with a stand-in for uv."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.mesh import ROOT


def make_setup(folder: Path, uv: str) -> subprocess.CompletedProcess[str]:
    """Run `make setup` with this shell script in place of uv. Calls with --quiet don't run it, but just succeed."""
    program = folder / "bin" / "uv"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\ncase "$*" in *--quiet*) exit;; esac\n{uv}\n')
    program.chmod(0o755)
    return subprocess.run(
        ["make", "setup", f"VENV={folder}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_hundred_packages_do_not_bury_what_matters(tmp_path: Path) -> None:
    ended = make_setup(tmp_path, "echo Installed 2 packages; echo ' + one==1'; echo ' ~ two==2'")
    assert ended.returncode == 0
    assert "Installed 2 packages" in ended.stdout
    assert "==" not in ended.stdout


@pytest.mark.parametrize("status", [1, 2])
def test_without_a_network_the_last_lines_say_what_to_do(status: int, tmp_path: Path) -> None:
    ended = make_setup(tmp_path, f"echo no route to host; exit {status}")
    assert ended.returncode != 0
    assert "no route to host" in ended.stdout
    last = "\n".join(ended.stderr.splitlines()[-3:])
    assert "can't set up: some packages could not be installed" in last
    assert "HTTPS_PROXY" in last
