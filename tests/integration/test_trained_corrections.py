"""The bundled model in the service's own llama.cpp: it corrects what learners say, and leaves right sentences alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.corrections import EngineLlm
from common.errors import InvalidInputError
from gateway.analysis.grammar import rewrite
from llm_service.config import LlmSettings
from llm_service.engine import Delta, GenerationRequest, Message
from llm_service.engines import create_engine

# None of these sentences is in training/corrections.
WRONG = {
    "My brother work in a big hospital near the river.": "My brother works in a big hospital near the river.",
    "Yesterday I go to the beach with my family.": "Yesterday I went to the beach with my family.",
    "She have two small dogs.": "She has two small dogs.",
    "I am student at the university.": "I am a student at the university.",
    "He don't like fish.": "He doesn't like fish.",
    "We was very tired after the trip.": "We were very tired after the trip.",
    "I want learn English.": "I want to learn English.",
    "My sister is more tall than me.": "My sister is taller than me.",
    "I have three child.": "I have three children.",
    "Where you live?": "Where do you live?",
}
RIGHT = (
    "My brother works in a big hospital near the river.",
    "In the morning.",
    "I've never been to Spain, but I'd like to go.",
    "The police are looking for two men.",
    "Because it was raining, we stayed at home.",
    "She made him wait for an hour.",
    "What do you usually have for breakfast?",
    "I used to play the guitar when I was young.",
    "Nothing special, really.",
    "If I had more time, I would read more.",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llm() -> AsyncIterator[EngineLlm]:
    engine = create_engine(LlmSettings(_env_file=None, llm_engine="llama.cpp"))
    try:
        await engine.start()
        yield EngineLlm(engine)
    finally:
        await engine.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_most_mistakes_are_corrected(llm: EngineLlm) -> None:
    assert llm.is_small
    assert llm.is_trained_to_correct
    written = await rewrite(list(WRONG), llm, language="en", timeout_s=60)
    right = [text for text, wanted in zip(written, WRONG.values(), strict=True) if text == wanted]
    assert len(right) >= 7, written


@pytest.mark.asyncio(loop_scope="module")
async def test_right_sentences_stay_as_they_are(llm: EngineLlm) -> None:
    written = await rewrite(RIGHT, llm, language="en", timeout_s=60)
    assert sum(text == sentence for text, sentence in zip(written, RIGHT, strict=True)) >= 9, written


@pytest.mark.asyncio(loop_scope="module")
async def test_replies_are_the_same_before_and_after_a_correction(llm: EngineLlm) -> None:
    """A request with the adapter leaves no trace in the model, or in the slots of conversations."""

    async def reply() -> str:
        request = GenerationRequest((Message("user", "Hello! I have a new dog."),), 40, 0.0)
        return "".join([event.text async for event in llm.engine.stream(request) if isinstance(event, Delta)])

    before = await reply()
    await rewrite(["He go home.", "I likes it."], llm, language="en", timeout_s=60)
    assert await reply() == before


@pytest.mark.asyncio(loop_scope="module")
async def test_an_adapter_that_does_not_exist_is_named(llm: EngineLlm) -> None:
    request = GenerationRequest((Message("user", "Hello!"),), 8, 0.0, adapter="other")
    with pytest.raises(InvalidInputError, match="adapter: there is no 'other'; there are: smollm2-corrections"):
        await anext(llm.engine.stream(request))
