"""The benches' model server answers the requests that the language model service sends."""

from __future__ import annotations

from bench.story_server import STORY, story_server
from llm_service.openai_api.openai_engine import OpenAiEngine
from tests.support.openai_server import reply_of


async def test_it_tells_its_whole_story() -> None:
    with story_server() as settings:
        engine = OpenAiEngine(settings["LLM_BASE_URL"], model=settings["LLM_MODEL_NAME"])
        await engine.warm_up()
        try:
            assert (await reply_of(engine)).strip() == STORY
        finally:
            await engine.close()
