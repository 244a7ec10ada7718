"""Which engine, with which command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from common.errors import EngineError, UnavailableError
from llm_service.config import LlmSettings
from llm_service.engines import ENGINES, choose_engine, load_engine
from llm_service.engines.llama_cpp import find_weights, llama_command
from llm_service.engines.openai import choose_model
from llm_service.engines.vllm import vllm_command


def settings(**values: Any) -> LlmSettings:
    return LlmSettings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("values", "can_run_vllm", "engine"),
    [
        ({}, False, "llama.cpp"),
        ({}, True, "vllm"),
        ({"llm_base_url": "http://vllm:8000/v1"}, True, "openai"),
        ({"llm_base_url": "http://vllm:8000/v1"}, False, "openai"),
        ({"llm_model_name": "/models/mine.gguf"}, True, "llama.cpp"),
    ],
)
def test_choice(values: dict[str, str], can_run_vllm: bool, engine: str) -> None:
    assert choose_engine(settings(**values), can_run_vllm=can_run_vllm) == engine


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_of_the_registry_can_be_imported(name: str) -> None:
    assert callable(load_engine(name))


def test_base_url_must_be_a_url() -> None:
    with pytest.raises(ValidationError):
        settings(llm_base_url="vllm:8000")


def test_the_key_is_not_shown() -> None:
    assert "hunter2" not in repr(settings(llm_api_key="hunter2"))


def test_vllm_command() -> None:
    command = vllm_command("/venv/bin/vllm", settings(models_cache_dir="/cache", llm_max_model_len=2048), 1234)
    assert " ".join(command) == (
        "/venv/bin/vllm serve Qwen/Qwen2.5-7B-Instruct-AWQ --host 127.0.0.1 --port 1234"
        " --served-model-name Qwen/Qwen2.5-7B-Instruct-AWQ --max-model-len 2048 --gpu-memory-utilization 0.35"
        " --max-num-seqs 16 --download-dir /cache --enable-prefix-caching --enable-prompt-tokens-details"
    )


def test_vllm_runs_a_models_own_code_only_if_told_to() -> None:
    assert "--trust-remote-code" not in vllm_command("vllm", settings(), 1)
    assert "--trust-remote-code" in vllm_command("vllm", settings(trust_remote_code=True), 1)


def test_llama_command_gives_each_reply_the_whole_context() -> None:
    command = list(llama_command(settings(llm_max_streams=2, llm_threads=3), Path("m.gguf"), "m", 1234))
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert options == {
        "--model": "m.gguf",
        "--alias": "m",
        "--port": "1234",
        "--context": "4096",
        "--parallel": "2",
        "--threads": "3",
    }


def test_weights() -> None:
    assert find_weights("Qwen/Qwen2.5-7B-Instruct-AWQ").name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    with pytest.raises(EngineError, match=r"no model file /nowhere/mine\.gguf"):
        find_weights("/nowhere/mine.gguf")


def test_model_of_a_server() -> None:
    assert choose_model("b", ["a", "b"]) == "b"
    assert choose_model("b", ["a"]) == "a"
    with pytest.raises(UnavailableError, match=r"does not serve c.*a, b"):
        choose_model("c", ["a", "b"])
    with pytest.raises(UnavailableError, match="no model at all"):
        choose_model("c", [])
