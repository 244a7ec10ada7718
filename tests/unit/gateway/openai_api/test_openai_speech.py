"""Speech, voices and models for clients of OpenAI's API: the official client, a real socket, fake model servers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import av
import httpx
import openai
import pytest
from prometheus_client import REGISTRY

from gateway.openai_api.encoders import MEDIA_TYPES, AudioFormat, create_encoder
from tests.support.fakes import FakeTts
from tests.support.gateway import TestGateway
from tests.support.openai_api import connected, official_client

TEXT = "One two three four five."
FORMATS: tuple[AudioFormat, ...] = ("mp3", "opus", "aac", "flac", "wav", "pcm")
TOKEN = "a-token-of-16-letters"


def speaking() -> TestGateway:
    return TestGateway(tts=FakeTts(word_s=0.1, delay_s=0.0))


def counted(route: str, outcome: str) -> float:
    labels = {"route": route, "outcome": outcome}
    return REGISTRY.get_sample_value("aitalk_gateway_openai_requests_total", labels) or 0.0


def seconds_of(data: bytes, form: AudioFormat) -> float:
    """How many seconds of sound a file has. libav reads all formats but pcm, which has no header."""
    if form == "pcm":
        return len(data) / 2 / 24_000
    with av.open(io.BytesIO(data), "r") as file:
        return float(sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0)))


async def test_the_official_client_gets_a_file_that_can_be_played() -> None:
    async with connected(speaking()) as client:
        for form in FORMATS:
            answer = await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=form)
            assert answer.response.headers["content-type"] == MEDIA_TYPES[form]
            assert seconds_of(answer.content, form) == pytest.approx(0.5, abs=0.1), form


@pytest.mark.parametrize("form", FORMATS)
def test_sound_comes_out_while_more_is_made(form: AudioFormat) -> None:
    encoder = create_encoder(form, 24_000)
    early = b"".join(encoder.push(bytes(9600)) for _ in range(5))  # this is a second of sound
    file = early + encoder.finish()
    assert seconds_of(early, form) > 0.7
    assert seconds_of(file, form) == pytest.approx(1.0, abs=0.1)


async def test_speech_is_sent_as_it_is_made() -> None:
    gateway = speaking()
    async with connected(gateway) as client:
        gateway.tts.delay_s = 0.3
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="joe", input=TEXT, response_format="pcm", speed=1.5
        ) as answer:
            parts = answer.iter_bytes()
            await anext(parts)
            assert gateway.tts.open_streams == 1  # synthesis goes on
            rest = [part async for part in parts]
        assert rest
        assert gateway.tts.speeds == [1.5]
    assert gateway.open_streams == 0


async def test_events_carry_the_same_file() -> None:
    gateway = speaking()
    async with gateway.running(), httpx.AsyncClient() as http:
        asked = {"model": "tts-1", "voice": {"id": "joe"}, "input": TEXT, "response_format": "mp3"}
        answer = await http.post(f"{gateway.http}/v1/audio/speech", json={**asked, "stream_format": "sse"})
        events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [one["type"] for one in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    data = b"".join(base64.b64decode(one["audio"]) for one in events[:-1])
    assert seconds_of(data, "mp3") == pytest.approx(0.5, abs=0.1)


async def test_a_client_that_leaves_ends_the_synthesis() -> None:
    before = counted("/audio/speech", "left")
    gateway = speaking()
    async with connected(gateway) as client:
        gateway.tts.delay_s = 0.2
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="joe", input=TEXT * 20, response_format="pcm"
        ) as answer:
            await anext(answer.iter_bytes())
        async with asyncio.timeout(5):
            while gateway.open_streams or counted("/audio/speech", "left") == before:
                await asyncio.sleep(0.01)


async def test_a_client_that_leaves_before_the_first_sound_ends_the_synthesis() -> None:
    gateway = speaking()
    async with connected(gateway) as client:
        gateway.tts.delay_s = 60.0
        with pytest.raises(openai.APITimeoutError):
            await client.audio.speech.create(model="tts-1", voice="joe", input=TEXT, timeout=0.3)
        async with asyncio.timeout(5):
            while gateway.open_streams:
                await asyncio.sleep(0.01)


async def test_a_wrong_parameter_is_named() -> None:
    wrong: list[tuple[str, Any]] = [
        ("voice", "nobody"),
        ("speed", 3.0),
        ("input", ""),
        ("input", "a" * 10_001),
        ("response_format", "midi"),
    ]
    async with connected(speaking()) as client:
        for param, value in wrong:
            asked: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": TEXT, param: value}
            with pytest.raises(openai.BadRequestError) as caught:
                await client.audio.speech.create(**asked)
            assert (caught.value.type, caught.value.param) == ("invalid_request_error", param)


async def test_a_synthesis_that_fails_is_an_error_with_a_status() -> None:
    gateway = speaking()
    async with connected(gateway) as client:
        gateway.tts.fail_after = 0
        with pytest.raises(openai.InternalServerError, match="TTS: gone") as caught:
            await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
        assert caught.value.status_code == 503
        gateway.tts.fail_after = 2  # the connection breaks in the middle, so that no client takes the file for complete
        with pytest.raises(openai.APIConnectionError):
            await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm")


async def test_voices_and_models_are_those_that_are_there() -> None:
    gateway = speaking()
    async with connected(gateway) as client, httpx.AsyncClient() as http:
        assert [one.id async for one in client.models.list()] == ["fake-asr", "fake-llm", "fake-tts"]
        assert (await client.models.retrieve("fake-llm")).owned_by == "fake"
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("gpt-9")
        assert caught.value.code == "model_not_found"
        voices = (await http.get(f"{gateway.http}/v1/audio/voices")).json()
    assert voices["data"] == [{"id": "joe", "object": "audio.voice", "name": "Joe", "language": "en-US"}]


async def test_a_token_is_needed_where_conversations_need_one() -> None:
    gateway = speaking()
    async with connected(gateway, auth_tokens=TOKEN) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()
        assert caught.value.code == "invalid_api_key"
        async with official_client(gateway.http, TOKEN) as known:
            assert await known.models.list()


async def test_a_page_of_another_origin_is_refused() -> None:
    gateway = speaking()
    async with gateway.running(), httpx.AsyncClient() as http:
        answer = await http.get(f"{gateway.http}/v1/models", headers={"Origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_origin")


async def test_a_client_has_so_many_requests_at_once() -> None:
    gateway = speaking()
    async with connected(gateway, client_max_connections=1) as client:
        gateway.tts.delay_s = 0.2
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="joe", input=TEXT, response_format="pcm"
        ):
            with pytest.raises(openai.RateLimitError):
                await client.models.list()
        assert await client.models.list()


async def test_a_gateway_that_drains_takes_no_new_request() -> None:
    gateway = speaking()
    async with connected(gateway) as client:
        gateway.draining.begin()
        with pytest.raises(openai.InternalServerError, match="shutting down"):
            await client.audio.speech.create(model="tts-1", voice="joe", input=TEXT)


async def test_requests_that_no_route_takes_are_errors_in_the_same_shape() -> None:
    gateway = speaking()
    async with gateway.running(), httpx.AsyncClient(base_url=gateway.http) as http:
        for answer, status in (
            (await http.get("/v1/nothing"), 404),
            (await http.get("/v1/audio/speech"), 405),
            (await http.post("/v1/audio/speech", content=b"{", headers={"Content-Type": "application/json"}), 400),
            (await http.post("/v1/audio/speech", content=b" " * (1 << 21)), 413),
        ):
            assert answer.status_code == status
            assert set(answer.json()["error"]) == {"message", "type", "code", "param"}


async def test_the_openapi_document_has_the_routes() -> None:
    gateway = speaking()
    async with gateway.running(), httpx.AsyncClient() as http:
        document = (await http.get(f"{gateway.http}/v1/openapi.json")).json()
    assert {"/audio/speech", "/audio/voices", "/models", "/realtime/client_secrets"} <= set(document["paths"])
    assert document["servers"] == [{"url": "/v1"}]
    for path in document["paths"].values():
        for operation in path.values():
            assert "200" in operation["responses"]
            assert "422" not in operation["responses"]  # of FastAPI's own errors, which have another shape
