"""An engine tried in a child process: what becomes of it is said, and this process lives on."""

from __future__ import annotations

import pytest

from common.engine_probe import probe
from common.errors import EngineError

CHILD = "tests.support.child"
FATES = {
    "fails": "the model mini has no weights; download them",
    "crashes": r"mini crashed its process while loading \(SIGSEGV\)",
    "is killed": r"mini crashed its process while loading \(SIGKILL: out of memory\?\)",
}


def test_one_that_loads_is_let_through() -> None:
    probe(CHILD, ["loads"], what="mini", timeout_s=60)


@pytest.mark.parametrize("how", FATES)
def test_one_that_dies_is_named(how: str) -> None:
    with pytest.raises(EngineError, match=FATES[how]):
        probe(CHILD, [how], what="mini", timeout_s=60)


def test_one_that_hangs_is_not_waited_for() -> None:
    with pytest.raises(EngineError, match=r"mini did not load within 0\.5 s"):
        probe(CHILD, ["hangs"], what="mini", timeout_s=0.5)
