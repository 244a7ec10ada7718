"""An engine is tried in a child process. The result is reported, and this process survives."""

from __future__ import annotations

import re
import threading

import pytest

from common.engine_probe import Probe, ProbeStoppedError
from common.errors import EngineError, ServiceError

FATES = {
    "fails": "it failed: the model mini has no weights; download them",
    "crashes": "it crashed its process (SIGSEGV)",
    "is killed": "its process was killed, most likely because memory ran out",
}


def child(timeout_s: float = 60) -> Probe:
    return Probe("tests.support.child", task="say a word", timeout_s=timeout_s, limit="PROBE_TIMEOUT_S")


def test_one_that_loads_is_let_through() -> None:
    child().run(["loads"], "{}", what="mini")


@pytest.mark.parametrize("how", FATES)
def test_one_that_dies_is_named(how: str) -> None:
    with pytest.raises(EngineError, match=re.escape(f"mini can't be used here: {FATES[how]}")):
        child().run([how], "{}", what="mini")


def test_one_that_hangs_is_not_waited_for() -> None:
    with pytest.raises(EngineError, match=r"mini .*: it did not say a word within 0\.5 s \(PROBE_TIMEOUT_S\)"):
        child(0.5).run(["hangs"], "{}", what="mini")


def test_one_that_is_stopped_ends_at_once() -> None:
    probe, raised = child(), list[ServiceError]()

    def run() -> None:
        try:
            probe.run(["hangs"], "{}", what="mini")
        except ServiceError as error:
            raised.append(error)

    running = threading.Thread(target=run)
    running.start()
    probe.stop()
    running.join(30)  # without the stop, it would hang for 60 s
    assert [type(error) for error in raised] == [ProbeStoppedError]
