"""Runs a Python program in a process of its own, because it would change the tests' process for good."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.mesh import ROOT


def numbers_of(program: str, *arguments: str) -> tuple[int, ...]:
    """Run a Python program. Returns the whole numbers that it prints. Raises CalledProcessError if it fails,
    TimeoutExpired after a minute."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return tuple(map(int, ended.stdout.split()))
