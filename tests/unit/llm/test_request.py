"""Invalid requests are refused with an explanation. Valid ones become JSON of OpenAI's API."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
from aitalk.llm.v1 import llm_pb2
from pydantic import ValidationError

from common.errors import InvalidInputError
from llm_service.config import LlmSettings
from llm_service.engine import PENALTIES, GenerationRequest, Message
from llm_service.openai_api.chat_completions import payload, penalties, server_kind
from llm_service.openai_api.dialect import Dialect
from llm_service.sampling import Sampling, default_sampling
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
        ({"min_p": 1.1}, "min_p: must be from 0 to 1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"frequency_penalty": -3.0}, "frequency_penalty"),
        ({"dry_multiplier": float("nan")}, "dry_multiplier"),
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
    sampling = Sampling(temperature=1.5, min_p=0.2)
    plain = to_generation_request(llm_pb2.GenerateRequest(messages=messages), settings, sampling)
    assert (plain.max_tokens, plain.temperature, plain.min_p) == (33, 1.5, 0.2)
    greedy = llm_pb2.GenerateRequest(messages=messages, config=llm_pb2.GenerationConfig(temperature=0.0, min_p=0.0))
    asked = to_generation_request(greedy, settings, sampling)
    assert (asked.temperature, asked.min_p) == (0.0, 0.0)


def test_a_small_model_samples_more_narrowly_and_a_setting_beats_both() -> None:
    settings = LlmSettings(_env_file=None)
    small, large, unknown = (default_sampling(settings, count) for count in (135_000_000, 7_000_000_000, 0))
    assert small.temperature < large.temperature
    assert small.min_p > large.min_p
    assert unknown == large
    set_ = LlmSettings(_env_file=None, llm_min_p=0.0, llm_repetition_penalty=1.3)
    chosen = default_sampling(set_, 135_000_000)
    assert (chosen.min_p, chosen.repetition_penalty, chosen.temperature) == (0.0, 1.3, small.temperature)


EVERYTHING = dataclasses.replace(
    GenerationRequest(HELLO, 10, 0.5),
    min_p=0.1,
    repetition_penalty=1.1,
    frequency_penalty=0.2,
    presence_penalty=0.3,
    dry_multiplier=0.8,
)


@pytest.mark.parametrize(
    ("owned_by", "expected"),
    [
        ("llamacpp", {"min_p": 0.1, "repeat_penalty": 1.1, "dry_multiplier": 0.8}),
        ("vllm", {"min_p": 0.1, "repetition_penalty": 1.1}),
        ("sglang", {"min_p": 0.1, "repetition_penalty": 1.1}),
        ("library", {"frequency_penalty": 0.2, "presence_penalty": 0.3}),  # Ollama's
        ("", {"frequency_penalty": 0.2, "presence_penalty": 0.3}),
    ],
)
def test_each_server_gets_the_penalties_that_it_knows(owned_by: str, expected: dict[str, float]) -> None:
    body = payload("m", EVERYTHING, Dialect(server_kind(owned_by)))
    names = {*PENALTIES, "repeat_penalty"}
    assert {name: value for name, value in body.items() if name in names} == expected


def test_llama_cpp_searches_its_vocabulary_for_one_breaker_only() -> None:
    assert payload("m", EVERYTHING, Dialect("llama.cpp"))["dry_sequence_breakers"] == ["\n"]


def test_llama_cpp_lets_only_two_tokens_of_the_last_exchanges_come_again_for_nothing() -> None:
    body = payload("m", EVERYTHING, Dialect("llama.cpp"))
    assert (body["dry_penalty_last_n"], body["dry_allowed_length"]) == (512, 2)


def test_json_is_asked_for_without_penalties() -> None:
    request = dataclasses.replace(EVERYTHING, json_schema="{}")
    assert penalties(EVERYTHING, "llama.cpp").keys().isdisjoint(payload("m", request, Dialect("llama.cpp")))


def test_refused_parameters_are_left_out() -> None:
    assert "min_p" not in payload("m", EVERYTHING, Dialect("vllm", left_out=frozenset({"min_p"})))


def test_a_role_must_be_set() -> None:
    request = llm_pb2.GenerateRequest(messages=[llm_pb2.ChatMessage(content="Hello")])
    with pytest.raises(InvalidInputError, match=r"messages\[0\]: role"):
        to_generation_request(request, LlmSettings(_env_file=None), Sampling())


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_that_the_settings_accept_is_one_that_a_request_may_have(name: str) -> None:
    for value in PENALTIES[name]:
        settings = LlmSettings(_env_file=None, **cast(Any, {f"llm_{name}": value}))
        GenerationRequest(HELLO, max_tokens=1, temperature=0.0, **cast(Any, {name: getattr(settings, f"llm_{name}")}))
    for value in (PENALTIES[name][0] - 0.005, PENALTIES[name][1] + 0.005):
        with pytest.raises(ValidationError, match=f"llm_{name}"):
            LlmSettings(_env_file=None, **cast(Any, {f"llm_{name}": value}))
