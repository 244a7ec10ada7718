"""Tries an engine in a child process first, so that one that crashes or hangs while it loads does not take us along.

The child is `python -m asr_service.probe` or `python -m tts_service.probe`: it loads the engine, uses it once and ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

from common.errors import EngineError


def probe(module: str, arguments: Sequence[str], *, what: str, timeout_s: float) -> None:
    """Run `python -m module arguments…`, in this environment, and return once it has ended well.

    what: the model, for the message. Raises EngineError with the child's last line if it fails, and saying so if it
    dies of a signal or takes longer than `timeout_s`. Blocks; call it in a thread.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        child = subprocess.run(  # noqa: S603 - ourselves
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"{what} did not load within {timeout_s:g} s in a process of its own") from None
    if child.returncode == 0:
        return
    if child.returncode < 0:
        raise EngineError(f"{what} crashed its process while loading ({_signal_name(-child.returncode)})")
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    raise EngineError(lines[-1] if lines else f"{what} ended its process with status {child.returncode} while loading")


def _signal_name(number: int) -> str:
    name = signal.Signals(number).name
    return f"{name}: out of memory?" if name == "SIGKILL" else name
