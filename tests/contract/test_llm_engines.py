"""What every engine of the LLM service must do, on a real model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
import pytest_asyncio

from common.errors import InvalidInputError
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, GenerationRequest, LlmEngine, Message
from llm_service.engines import ENGINES, create_engine, cuda_gpus, find_vllm
from llm_service.engines.supervised import SupervisedEngine

pytestmark = pytest.mark.asyncio(loop_scope="module")

# vLLM is tested only if there is a `vllm` command, and a GPU.
ENGINES_HERE = [name for name in ENGINES if name != "vllm" or (cuda_gpus() and find_vllm())]


def settings(**values: Any) -> LlmSettings:
    return LlmSettings(_env_file=None, llm_max_model_len=1024, **values)


async def started(name: str, cleanup: AsyncExitStack, **values: Any) -> LlmEngine:
    engine = create_engine(settings(**values), name)
    cleanup.push_async_callback(engine.close)
    await engine.start()
    return engine


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES_HERE)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[LlmEngine]:
    async with AsyncExitStack() as cleanup:
        if request.param == "openai":  # the bundled server, as if the operator had started it
            server = await started("llama.cpp", cleanup)
            assert isinstance(server, SupervisedEngine)
            yield await started("openai", cleanup, llm_base_url=server.base_url)
        else:
            yield await started(request.param, cleanup)


def request_for(text: str, *, max_tokens: int = 12, **values: Any) -> GenerationRequest:
    return GenerationRequest((Message("user", text),), max_tokens, values.pop("temperature", 0.0), **values)


async def run(engine: LlmEngine, request: GenerationRequest) -> tuple[str, Done]:
    async with aclosing(engine.stream(request)) as events:
        got = [event async for event in events]
    done = got.pop()
    assert isinstance(done, Done)
    assert all(isinstance(event, Delta) and event.text for event in got)
    return "".join(event.text for event in got if isinstance(event, Delta)), done


async def test_is_ready_and_describes_itself(engine: LlmEngine) -> None:
    description = engine.describe()
    assert engine.ready
    assert description.engine in ENGINES
    assert description.model
    assert description.device.partition(":")[0] in {"cpu", "cuda", "remote"}


async def test_writes_as_much_as_it_may(engine: LlmEngine) -> None:
    text, done = await run(engine, request_for("Tell me a long story about the sea."))
    assert text.strip()
    assert done.stop_reason == "length"
    assert done.usage.completion_tokens == 12
    assert done.usage.prompt_tokens > 5


async def test_stops_before_a_stop_string(engine: LlmEngine) -> None:
    schema = '{"type": "array", "items": {"enum": ["apple", "pear"]}, "minItems": 4}'
    text, done = await run(
        engine, request_for("Name fruits.", max_tokens=60, json_schema=schema, stop=("apple", "pear"))
    )
    assert done.stop_reason == "stop"
    assert "".join(text.split()) == '["'


async def test_the_same_seed_makes_the_same_reply(engine: LlmEngine) -> None:
    request = request_for("Tell me something surprising.", max_tokens=6, temperature=1.0, seed=11)
    await run(engine, request)  # from now on the prompt is cached, so the rounding is always the same
    assert (await run(engine, request))[0] == (await run(engine, request))[0]


async def test_a_prompt_that_does_not_fit_is_the_callers_fault(engine: LlmEngine) -> None:
    with pytest.raises(InvalidInputError, match="too long for the model"):
        await run(engine, request_for("word " * 1500))


async def test_serves_several_at_once(engine: LlmEngine) -> None:
    async with asyncio.TaskGroup() as tasks:
        replies = [tasks.create_task(run(engine, request_for(f"Count from {n}."))) for n in range(3)]
    assert all(reply.result()[0] for reply in replies)


async def test_goes_on_after_a_stream_closed_early(engine: LlmEngine) -> None:
    stream = engine.stream(request_for("Tell me a long story.", max_tokens=800))
    assert isinstance(await anext(stream), Delta)
    await stream.aclose()
    assert (await run(engine, request_for("Hello")))[0]
