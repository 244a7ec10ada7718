"""The possible answers of a model server, and how they are handled."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from common.errors import (
    BusyError,
    DeadlineError,
    EngineError,
    InvalidInputError,
    ServiceError,
    UnavailableError,
)
from llm_service.engine import Delta, Done, Event, GenerationRequest, Message, Usage
from llm_service.openai_api.openai_engine import OpenAiEngine

REQUEST = GenerationRequest((Message("user", "Hello"),), 10, 0.0)

TEXT = b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n' + b"".join(
    b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % piece for piece in (b"Hel", b"lo")
)
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = (
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,'
    b'"prompt_tokens_details":{"cached_tokens":4}}}\n\n'
)
END = b"data: [DONE]\n\n"


class Stream(httpx.AsyncByteStream):
    """A body that comes in pieces, and may break."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.closings = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def aclose(self) -> None:
        self.closings += 1


def answer(*pieces: bytes | Exception, status: int = 200, kind: str = "text/event-stream") -> httpx.Response:
    return httpx.Response(status, headers={"content-type": kind}, stream=Stream(*pieces))


def refusal(status: int, body: bytes) -> httpx.Response:
    return answer(body, status=status, kind="application/json")


def engine(handler: Callable[[httpx.Request], httpx.Response]) -> OpenAiEngine:
    return OpenAiEngine("http://llm/v1/", model="m", api_key="k", transport=httpx.MockTransport(handler))


async def events_of(response: httpx.Response | Exception) -> list[Event]:
    def handler(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    async with aclosing(engine(handler).stream(REQUEST)) as events:
        return [event async for event in events]


async def test_a_reply() -> None:
    assert await events_of(answer(TEXT + STOP + USAGE + END)) == [
        Delta("Hel"),
        Delta("lo"),
        Done("stop", Usage(prompt_tokens=9, completion_tokens=2, cached_prompt_tokens=4)),
    ]


async def test_a_reply_without_usage_or_done_marker() -> None:
    assert (await events_of(answer(TEXT, STOP)))[-1] == Done("stop", Usage())


@pytest.mark.parametrize(
    ("reason", "expected"), [("length", "length"), ("content_filter", "content_filter"), ("eos", "stop")]
)
async def test_stop_reasons(reason: str, expected: str) -> None:
    last = (await events_of(answer(TEXT, STOP.replace(b"stop", reason.encode()), END)))[-1]
    assert isinstance(last, Done)
    assert last.stop_reason == expected


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.ConnectError("refused"), UnavailableError),
        (httpx.ConnectTimeout("no answer"), UnavailableError),
        (refusal(400, b'{"error":{"message":"prompt too long"}}'), InvalidInputError),
        (refusal(404, b'{"detail":"no such model"}'), InvalidInputError),
        (refusal(422, b"unprocessable"), InvalidInputError),
        (refusal(401, b""), UnavailableError),
        (refusal(429, b"{}"), BusyError),
        (refusal(429, b'{"error":{"message":"You exceeded your current quota, please check your plan"}}'), BusyError),
        (refusal(402, b'{"error":{"message":"Insufficient Balance"}}'), BusyError),
        (refusal(400, b'[{"error":{"code":400,"message":"Unknown name"}}]'), InvalidInputError),
        (refusal(503, b'{"error":{"message":"Loading model"}}'), UnavailableError),
        (refusal(500, b"oops"), EngineError),
        (refusal(302, b""), EngineError),
        (answer(b"<html>", kind="text/html"), EngineError),
        (answer(b"data: <html>\n\n"), EngineError),
        (answer(b"data: []\n\n"), EngineError),
        (answer(b"data: {}\n\n"), EngineError),
        (answer(b'data: {"choices":[{"delta":{"content":7}}]}\n\n'), EngineError),
        (answer(b"x" * 2_000_000), EngineError),
        (answer(TEXT), EngineError),
        (answer(TEXT, STOP.replace(b"stop", b"abort"), END), EngineError),
        (answer(b'data: {"error":{"code":400,"message":"no"}}\n\n'), InvalidInputError),
        (answer(TEXT, b'data: {"error":{"message":"CUDA error"}}\n\n'), EngineError),
        (answer(TEXT, b'data: {"error":"out of memory"}\n\n'), EngineError),
        (answer(TEXT, httpx.ReadTimeout("silence")), DeadlineError),
        (httpx.ReadTimeout("silence"), DeadlineError),
        (answer(TEXT, httpx.ReadError("reset")), EngineError),
        (answer(TEXT, httpx.RemoteProtocolError("closed early")), EngineError),
    ],
)
async def test_failures(response: httpx.Response | Exception, kind: type[ServiceError]) -> None:
    with pytest.raises(ServiceError) as caught:
        await events_of(response)
    assert type(caught.value) is kind


async def test_an_empty_answer_is_a_failure() -> None:
    with pytest.raises(EngineError, match="not a chat completion"):
        await anext(engine(lambda _: answer()).stream(REQUEST))


async def test_the_servers_own_words_are_passed_on_but_not_all_of_them() -> None:
    with pytest.raises(InvalidInputError, match="prompt too long") as caught:
        await events_of(refusal(400, json.dumps({"error": {"message": "prompt too long " * 1000}}).encode()))
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            502,
            b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx",
            r"\(HTTP 502\): 502 Bad Gateway$",
        ),
        (524, b"<!DOCTYPE html><body>cloudflare", r"\(HTTP 524\): an HTML page$"),
        (400, b'[{"error":{"code":400,"message":"Unknown name"}}]', "refused the request: Unknown name$"),  # Gemini
        (402, b'{"error":{"message":"Insufficient Balance"}}', "no credit or quota"),  # DeepSeek
        (429, b'{"error":{"message":"You exceeded your current quota"}}', "no credit or quota"),  # OpenAI
    ],
)
async def test_the_message_for_a_failure(status: int, body: bytes, words: str) -> None:
    with pytest.raises(ServiceError, match=words):
        await events_of(refusal(status, body))


async def test_closing_the_stream_early_closes_the_response() -> None:
    body = Stream(TEXT, STOP, END)
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
    stream = engine(lambda _: response).stream(REQUEST)
    assert await anext(stream) == Delta("Hel")
    assert body.closings == 0
    await stream.aclose()
    assert body.closings == 1


async def test_a_refused_sampling_parameter_is_left_out_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[dict[str, object]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m", "owned_by": "vllm"}]})
        asked.append(json.loads(request.content))
        return refusal(400, b'{"detail": "extra"}') if "min_p" in asked[-1] else answer(TEXT, STOP, END)

    llm = engine(handler)
    await llm.warm_up()
    wanted = GenerationRequest((Message("user", "Hello"),), 10, 0.0, min_p=0.1, repetition_penalty=1.1)
    async with aclosing(llm.stream(wanted)) as events:
        assert [event async for event in events][-1] == Done("stop", Usage())
    assert "min_p" not in asked[-1]
    assert asked[-1]["repetition_penalty"] == 1.1
    assert [record.getMessage() for record in caplog.records] == [
        "the model server refuses min_p; requests leave it out"
    ]


async def test_a_llama_cpp_server_says_how_large_its_model_is() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(
                200, json={"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_params": 134_515_008}}]}
            )
        return answer(TEXT, STOP, END)

    llm = engine(handler)
    await llm.warm_up()
    assert llm.describe().parameters == 134_515_008


async def test_warm_up_finds_the_model_and_asks_it_for_one_token() -> None:
    asked: list[dict[str, object]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer k"
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "the-only-one"}]})
        asked.append(json.loads(request.content))
        return answer(TEXT, STOP, END)

    llm = engine(handler)
    before = llm.ready
    await llm.warm_up()
    assert (before, llm.ready) == (False, True)
    assert {body["model"] for body in asked} == {"the-only-one"}
    assert len(asked) == 5  # one request tries all parameters, one tries other roles, and three try JSON


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (httpx.Response(404), UnavailableError, "usually ends in /v1"),
        (httpx.Response(200, json={"data": None}), UnavailableError, "no model at all"),  # Ollama without a model
        (httpx.Response(401), UnavailableError, "LLM_API_KEY"),
        (httpx.Response(200, text="<html>"), EngineError, "OpenAI-compatible"),
        (httpx.Response(200, json={"data": [{"id": "a"}, {"id": "b"}]}), InvalidInputError, "a, b"),
    ],
)
async def test_warm_up_says_what_is_wrong(response: httpx.Response, kind: type[ServiceError], words: str) -> None:
    with pytest.raises(kind, match=words):
        await engine(lambda _: response).warm_up()


@pytest.mark.parametrize(
    ("logprobs", "certainty"),
    [
        ([-0.1, -0.5, -0.2], math.exp(-0.5)),
        ([0.3], 1.0),  # some servers round
        ([None, "x", -1000.0], 0.0),
        ([], None),
    ],
)
async def test_the_certainty_is_that_of_the_least_likely_token(logprobs: list[Any], certainty: float | None) -> None:
    asked: list[dict[str, Any]] = []
    pieces = [
        {"choices": [{"delta": {"content": "Hello"}, "logprobs": {"content": [{"token": "a", "logprob": value}]}}]}
        for value in logprobs
    ] or [{"choices": [{"delta": {"content": "Hello"}, "logprobs": None}]}]

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return answer(*(f"data: {json.dumps(piece)}\n\n".encode() for piece in pieces), STOP, END)

    for wants in (True, False):
        async with aclosing(engine(handler).stream(dataclasses.replace(REQUEST, with_certainty=wants))) as events:
            *_, done = [event async for event in events]
        assert isinstance(done, Done)
        assert done.certainty == (None if certainty is None or not wants else pytest.approx(certainty))
        assert asked[-1].get("logprobs", False) is wants


LORAS = [{"id": 0, "path": "/here/partner.gguf", "scale": 0.8}, {"id": 1, "path": "/here/corrections.gguf", "scale": 0}]


async def test_a_request_can_choose_an_adapter_that_llama_cpp_has_loaded() -> None:
    asked: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/v1/models":
                return httpx.Response(200, json={"data": [{"id": "m", "owned_by": "llamacpp"}]})
            case "/lora-adapters":
                return httpx.Response(200, json=LORAS)
            case "/v1/chat/completions":
                asked.append(json.loads(request.content))
                return answer(TEXT, STOP, END)
        return httpx.Response(404)

    async def ask(adapter: str) -> dict[str, Any]:
        request = dataclasses.replace(REQUEST, adapter=adapter, repetition_penalty=1.1, dry_multiplier=0.8)
        async with aclosing(llm.stream(request)) as events:
            assert [event async for event in events]
        return asked[-1]

    llm = engine(handler)
    await llm.warm_up()
    assert llm.describe().adapters == ("corrections",)
    with_it = await ask("corrections")
    assert with_it["lora"] == [{"id": 0, "scale": 0.8}, {"id": 1, "scale": 1.0}]
    assert "repeat_penalty" not in with_it  # a correction repeats most of the sentence
    without = await ask("")
    assert "lora" not in without
    assert without["repeat_penalty"] == 1.1
    for name in ("partner", "other"):
        with pytest.raises(InvalidInputError, match=f"adapter: there is no '{name}'; there are: corrections"):
            await ask(name)
    await llm.close()


async def test_a_server_without_adapters_says_so() -> None:
    llm = engine(lambda _: answer(TEXT, STOP, END))
    with pytest.raises(InvalidInputError, match="there is no 'corrections'; this model has none"):
        await anext(llm.stream(dataclasses.replace(REQUEST, adapter="corrections")))
    assert llm.describe().adapters == ()
