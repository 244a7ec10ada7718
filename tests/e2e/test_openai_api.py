"""The official OpenAI client, unchanged, on the real mesh."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest

from tests.support.audio import recorded, wav
from tests.support.mesh import Mesh
from tests.support.openai_api import official_client
from tests.support.transcription import word_error_rate

LINE = "Good morning. I would like to practise my English today."
BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."


@pytest.fixture
async def client(mesh: Mesh) -> AsyncIterator[openai.AsyncOpenAI]:
    async with official_client(mesh.http) as client:
        yield client


async def test_what_is_spoken_is_understood(client: openai.AsyncOpenAI) -> None:
    spoken = await client.audio.speech.create(model="tts-1", voice="alloy", input=LINE, response_format="mp3")
    heard = await client.audio.transcriptions.create(
        model="whisper-1",
        file=("line.mp3", spoken.content),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert word_error_rate([LINE], [heard.text]) <= 0.2
    assert heard.language == "en"
    assert heard.words
    assert heard.segments
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= heard.duration
    assert " ".join(segment.text for segment in heard.segments) == heard.text


async def test_a_person_is_transcribed_while_the_text_is_streamed(client: openai.AsyncOpenAI) -> None:
    samples, rate_hz = recorded()
    stream = await client.audio.transcriptions.create(
        model="whisper-1", file=("beckett.wav", wav(samples, rate_hz)), stream=True
    )
    events = [event async for event in stream]
    done = events[-1]
    assert done.type == "transcript.text.done"
    assert word_error_rate([BECKETT], [done.text]) <= 0.2


async def test_the_models_are_those_of_the_mesh(client: openai.AsyncOpenAI) -> None:
    models = [model async for model in client.models.list()]
    assert {model.owned_by for model in models} == {"faster-whisper", "llama.cpp", "piper"}
    assert (await client.models.retrieve(models[0].id)).id == models[0].id
