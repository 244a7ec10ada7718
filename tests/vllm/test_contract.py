"""What every engine must do, on a real vLLM supervised by this process; and what happens if vLLM dies or can't load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psutil
import pytest
import pytest_asyncio

from common.errors import EngineError, UnavailableError
from llm_service.engine import LlmEngine
from llm_service.engines.supervised import SupervisedEngine
from tests.contract import test_llm_engines as contract
from tests.contract.test_llm_engines import *  # noqa: F403  # every test of the suite, on the engine below
from tests.vllm.conftest import MODEL

pytestmark = [  # type: ignore[assignment]
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900),
]

SETTINGS = {
    "llm_model_name": str(MODEL),
    "llm_gpu_memory_utilization": 0.1,
    "llm_max_streams": 4,
    "llm_vllm_args": "--enforce-eager",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")  # type: ignore[no-redef]
async def engine() -> AsyncIterator[LlmEngine]:
    async with AsyncExitStack() as cleanup:
        yield await contract.started("vllm", cleanup, **SETTINGS)


def is_ready(engine: LlmEngine) -> bool:
    return engine.ready


async def test_a_killed_engine_is_started_again(engine: LlmEngine) -> None:
    """The last test that uses this engine. It kills vLLM's own child, as the kernel does when memory runs out."""
    assert isinstance(engine, SupervisedEngine)
    before = engine.base_url
    (server,) = [child for child in psutil.Process().children() if "vllm" in " ".join(child.cmdline())]
    core = next(child for child in server.children(recursive=True) if "EngineCore" in child.name())
    core.kill()
    while is_ready(engine):  # until another process of vLLM notices and ends
        await asyncio.sleep(0.1)
    with pytest.raises(UnavailableError, match="started again") as caught:
        engine.stream(contract.request_for("Hello"))
    assert caught.value.retryable
    while not is_ready(engine):
        await asyncio.sleep(0.1)
    assert engine.base_url != before
    assert (await contract.run(engine, contract.request_for("Hello")))[0]


async def test_too_little_memory_is_told_with_advice() -> None:
    async with AsyncExitStack() as cleanup:
        with pytest.raises(EngineError, match=r"does not fit .*python -m deploy\.plan.*\(.+\)"):
            await contract.started("vllm", cleanup, **SETTINGS | {"llm_gpu_memory_utilization": 0.01})
