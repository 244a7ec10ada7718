"""Tries an engine in a child process, so that the service survives an engine that crashes or hangs.

The child is `python -m asr_service.probe` or `python -m tts_service.probe`. It reads all settings as JSON from standard
input, loads the engine, uses it once, and ends with status 0 if everything worked. Otherwise the last line of its
standard error says what failed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from common.errors import EngineError, ServiceError, UnavailableError


class ProbeStoppedError(UnavailableError):
    """The service is stopping, so no engine is needed any more."""


class Probe:
    """Tries engines one after another, each with `python -m module arguments…` in this environment.

    timeout_s: how long a trial may take. task: what the child does, for the error's message. limit: the setting that
    `timeout_s` comes from, for the error's message.
    """

    def __init__(self, module: str, *, task: str, timeout_s: float, limit: str) -> None:
        self._module = module
        self._task = task
        self._timeout_s = timeout_s
        self._limit = limit
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self, arguments: Sequence[str], settings: str, *, what: str) -> None:
        """Run a trial, and return when it has succeeded. Blocks.

        settings: as JSON. what: the model, for the error's message. Raises EngineError if the child fails (with the
        last line of its output), is killed by a signal or takes too long; ProbeStoppedError after `stop`.
        """
        reason = self._reason([sys.executable, "-m", self._module, *arguments], settings)
        if self._stopped:
            raise ProbeStoppedError("the service was stopped while its model was tried")
        if reason:
            raise EngineError(f"{what} can't be used here: {reason}")

    def stop(self) -> None:
        """End the current trial and prevent further ones. May be called from any thread; `run` then raises soon."""
        self._stopped = True
        if self._child is not None:
            self._child.kill()

    def _reason(self, command: Sequence[str], settings: str) -> str:
        """Why the trial failed, without a full stop; empty if it succeeded."""
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, stdin=pipe, stdout=nothing, stderr=pipe, text=True) as child:  # noqa: S603
            self._child = child
            try:
                if self._stopped:
                    child.kill()
                _, said = child.communicate(settings, timeout=self._timeout_s)
            except subprocess.TimeoutExpired:
                return f"it did not {self._task} within {self._timeout_s:g} s ({self._limit})"
            finally:
                child.kill()
        return _fate(child.returncode, said)


@contextmanager
def plain_errors() -> Iterator[None]:
    """In the child: for a model that can't be used, end the process with the error's sentence and no traceback."""
    try:
        yield
    except (ValueError, ServiceError) as error:
        sys.exit(str(error))


def _fate(status: int, said: str) -> str:
    if status == 0:
        return ""
    if status == -signal.SIGKILL:
        return "its process was killed, most likely because memory ran out"
    if status < 0:
        return f"it crashed its process ({signal.Signals(-status).name})"
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it printed nothing")
    return f"it failed: {last}"
