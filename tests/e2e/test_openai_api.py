"""The official OpenAI client, unchanged, on the real mesh."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.support.audio import recorded, wav
from tests.support.mesh import ROOT, Mesh
from tests.support.openai_api import official_client
from tests.support.transcription import word_error_rate

LINE = "Good morning. I would like to practise my English today."
BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."


@pytest.fixture
async def client(mesh: Mesh) -> AsyncIterator[openai.AsyncOpenAI]:
    async with official_client(mesh.http) as client:
        yield client


async def test_the_first_example_of_the_page_works_as_printed(mesh: Mesh, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "openai-api.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    assert "http://localhost:8000" in example
    (tmp_path / "example.py").write_text(example.replace("http://localhost:8000", mesh.http), encoding="utf-8")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "example.py"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heard, reply = done.stdout.strip().split("\n", 1)
    assert "cup of coffee" in heard.lower()
    assert reply.strip()


async def test_recognition_understands_the_voice(client: openai.AsyncOpenAI) -> None:
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
    assert all(0 < word.model_dump()["confidence"] <= 1 for word in heard.words)
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


async def test_the_language_model_chats(client: openai.AsyncOpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello to my friend Anna."}]
    whole = await client.chat.completions.create(model="gpt-4o-mini", messages=messages, max_tokens=12, temperature=0)
    assert whole.choices[0].message.content
    assert whole.usage
    assert 0 < whole.usage.completion_tokens <= 12
    assert whole.usage.prompt_tokens > 0
    stream = await client.chat.completions.create(
        model="gpt-4o-mini",
        messages=messages,
        max_tokens=12,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


async def test_the_language_model_answers_in_json(client: openai.AsyncOpenAI) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    reply = await client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "Is water wet? Answer in JSON."}],
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
        max_tokens=40,
    )
    assert set(json.loads(reply.choices[0].message.content or "")) >= {"yes"}


async def test_the_models_are_those_of_the_mesh(client: openai.AsyncOpenAI) -> None:
    models = [model async for model in client.models.list()]
    assert {model.owned_by for model in models} == {"faster-whisper", "llama.cpp", "piper"}
    assert (await client.models.retrieve(models[0].id)).id == models[0].id
