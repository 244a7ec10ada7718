"""`python -m asr_service.probe module:Class`: does that engine load and decode a second here, or end the process?

An engine that crashes takes the process with it, before it can say so. So it is tried in a child first, which is given
the settings as JSON on its standard input, and ends with 0 if all went well.
"""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys

import numpy as np

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.config import AsrSettings
from asr_service.engine import AsrEngine, DecodeOptions
from common.errors import ServiceError


class Probe:
    """One trial of an engine in a child process."""

    def __init__(self, target: str, settings: AsrSettings) -> None:
        self._target = target
        self._settings = settings
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self) -> str:
        """Why the engine can't be used here, in a sentence without a full stop; empty if it can. Blocks."""
        limit = self._settings.asr_probe_timeout_s
        command = [sys.executable, "-m", "asr_service.probe", self._target]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, stdin=pipe, stdout=nothing, stderr=pipe, text=True) as self._child:  # noqa: S603
            try:
                if self._stopped:
                    self._child.kill()
                _, said = self._child.communicate(self._settings.model_dump_json(), timeout=limit)
            except subprocess.TimeoutExpired:
                return f"it did not load and decode a second of audio within {limit:g} s (ASR_PROBE_TIMEOUT_S)"
            finally:
                self._child.kill()
        return _reason(self._child.returncode, said)

    def stop(self) -> None:
        """End the trial, from any thread: `run` returns soon."""
        self._stopped = True
        if self._child is not None:
            self._child.kill()


def _reason(status: int, said: str) -> str:
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    if status == 0:
        return ""
    if status == -signal.SIGKILL:
        return "its process was killed, most likely for want of memory"
    if status < 0:
        return f"it crashed its process ({signal.Signals(-status).name})"
    return f"it failed: {last}"


def build(target: str, settings: AsrSettings) -> AsrEngine:
    """The engine of "module:Class", not yet loaded."""
    module, _, cls = target.partition(":")
    engine: AsrEngine = getattr(importlib.import_module(module), cls)(settings)
    return engine


def main() -> None:
    """Load, decode a second, end."""
    engine = build(sys.argv[1], AsrSettings.model_validate_json(sys.stdin.read()))
    noise = np.random.default_rng(0).normal(0, 0.01, ENGINE_RATE_HZ).astype(np.float32)
    try:
        engine.load()
        engine.transcribe(noise, DecodeOptions())
    except ServiceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
