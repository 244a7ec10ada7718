"""Requests that make no sense are refused in words; the rest becomes the OpenAI protocol's JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from aitalk.llm.v1 import llm_pb2

from common.errors import InvalidInputError
from llm_service.config import LlmSettings
from llm_service.engine import GenerationRequest, Message
from llm_service.openai_api.chat_completions import payload
from llm_service.service import to_generation_request

HELLO = (Message("user", "Hello"),)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"messages": ()}, "messages: at least one"),
        ({"messages": (*HELLO, Message("user", " \n"))}, r"messages\[1\]: content is empty"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"stop": ("a", "b", "c", "d", "e")}, "stop: at most 4"),
        ({"stop": ("",)}, "stop"),
        ({"json_schema": "{"}, "json_schema: not JSON"),
        ({"json_schema": "[" * 100_000}, "json_schema: not JSON"),
        ({"json_schema": "[]"}, "json_schema: must be a JSON object"),
    ],
)
def test_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        dataclasses.replace(GenerationRequest(HELLO, 10, 0.7), **values)


def test_payload_with_everything() -> None:
    request = GenerationRequest(HELLO, 10, 0.5, top_p=0.9, stop=("!",), json_schema='{"type": "object"}', seed=7)
    assert payload("m", request) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 10,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["!"],
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": {"type": "object"}, "strict": True},
        },
    }


def test_payload_leaves_out_what_is_not_asked_for() -> None:
    body = payload("m", GenerationRequest(HELLO, 10, 0.0))
    assert not {"top_p", "stop", "seed", "response_format"} & body.keys()
    assert body["temperature"] == 0.0


def test_unset_fields_get_the_services_defaults_and_zero_is_not_unset() -> None:
    settings = LlmSettings(_env_file=None, llm_max_tokens=33, llm_temperature=1.5)
    messages = [llm_pb2.ChatMessage(role=llm_pb2.ROLE_SYSTEM, content="Be kind.")]
    plain = to_generation_request(llm_pb2.GenerateRequest(messages=messages), settings)
    assert plain == GenerationRequest((Message("system", "Be kind."),), max_tokens=33, temperature=1.5)
    greedy = llm_pb2.GenerationConfig(temperature=0.0)
    assert to_generation_request(llm_pb2.GenerateRequest(messages=messages, config=greedy), settings).temperature == 0.0


def test_a_role_must_be_set() -> None:
    request = llm_pb2.GenerateRequest(messages=[llm_pb2.ChatMessage(content="Hello")])
    with pytest.raises(InvalidInputError, match=r"messages\[0\]: role"):
        to_generation_request(request, LlmSettings(_env_file=None))
