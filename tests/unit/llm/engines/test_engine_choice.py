"""Which engine is chosen, and its command line."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from pydantic import ValidationError

from common.errors import EngineError, InvalidInputError, UnavailableError
from common.smollm2 import CORRECTIONS_ADAPTER, PARTNER_ADAPTER
from llm_service.config import LlmSettings
from llm_service.engines import ENGINES, choose_engine, create_engine
from llm_service.engines.llama_cpp import PARALLEL, adapter_of, llama_command, llama_cpp_engine
from llm_service.engines.vllm import vllm_command
from llm_service.openai_api.models import choose_model


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
        ({"llm_model_name": "Qwen/Qwen2.5-3B-Instruct-GGUF@main"}, True, "llama.cpp"),
        ({"llm_engine": "vllm"}, False, "vllm"),
        ({"llm_engine": "llama.cpp", "llm_base_url": "http://vllm:8000/v1"}, True, "llama.cpp"),
    ],
)
def test_choice(values: dict[str, str], can_run_vllm: bool, engine: str) -> None:
    assert choose_engine(settings(**values), can_run_vllm=can_run_vllm) == engine


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_of_the_registry_can_be_imported(name: str) -> None:
    assert callable(resolve_name(ENGINES[name]))


@pytest.mark.parametrize("wrong", ["vllm:8000", "http://a/v1,b/v1", "http://a/v1,", "http://a/v1 http://b/v1"])
def test_base_url_must_be_a_url(wrong: str) -> None:
    with pytest.raises(ValidationError):
        settings(llm_base_url=wrong)


def test_base_urls() -> None:
    assert settings().llm_base_urls == ()
    assert settings(llm_base_url="http://a:1/v1/").llm_base_urls == ("http://a:1/v1",)
    assert settings(llm_base_url="http://a:1/v1, https://b/v1").llm_base_urls == ("http://a:1/v1", "https://b/v1")


def test_a_requested_engine_without_its_settings() -> None:
    with pytest.raises(UnavailableError, match="LLM_BASE_URL is empty"):
        create_engine(settings(llm_engine="openai"))


def test_the_key_is_not_shown() -> None:
    assert "hunter2" not in repr(settings(llm_api_key="hunter2"))


def test_vllm_command() -> None:
    command = vllm_command("/venv/bin/vllm", settings(models_cache_dir="/cache", llm_max_model_len=2048), 1234)
    assert " ".join(command) == (
        "env VLLM_NO_USAGE_STATS=1 /venv/bin/vllm serve Qwen/Qwen2.5-7B-Instruct-AWQ --host 127.0.0.1 --port 1234"
        " --served-model-name Qwen/Qwen2.5-7B-Instruct-AWQ --max-model-len 2048 --gpu-memory-utilization 0.35"
        " --max-num-seqs 16 --download-dir /cache --dtype auto --enable-prefix-caching --enable-prompt-tokens-details"
        " --enable-auto-tool-choice --tool-call-parser hermes"
    )


def test_vllm_command_has_what_is_set() -> None:
    command = " ".join(
        vllm_command(
            "vllm",
            settings(
                llm_dtype="float16",
                llm_quantization="awq_marlin",
                llm_model_revision="v1.2",
                llm_vllm_args="--tensor-parallel-size 2 --chat-template 'my template.jinja'",
            ),
            1,
        )[3:]
    )
    assert "--dtype float16 --quantization awq_marlin --revision v1.2 --enable-prefix-caching" in command
    assert command.endswith("--tensor-parallel-size 2 --chat-template my template.jinja")


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
        "--context": "2048",
        "--parallel": "3",  # one more for corrections
        "--threads": "3",
        "--eight-bits": "models",
        "--adapter": str(PARTNER_ADAPTER),
        "--request-adapter": str(CORRECTIONS_ADAPTER),
    }
    own = llama_command(settings(llm_model_name="mine.gguf"), Path("mine.gguf"), "m", 1234)
    assert "--eight-bits" not in own
    assert "--adapter" not in own
    assert "--request-adapter" not in own
    assert own[own.index("--parallel") + 1] == str(PARALLEL)
    assert "--request-adapter" not in llama_command(settings(llm_adapter="none"), Path("m.gguf"), "m", 1)
    assert own[own.index("--context") + 1] == "4096"
    chosen = llama_command(settings(llm_max_model_len=4096), Path("m.gguf"), "m", 1)
    assert chosen[chosen.index("--context") + 1] == "4096"


def test_an_adapter_can_be_chosen_or_left_out(tmp_path: Path) -> None:
    (mine := tmp_path / "mine.gguf").touch()
    assert adapter_of(settings()) == PARTNER_ADAPTER
    assert adapter_of(settings(llm_adapter="none")) is None
    assert adapter_of(settings(llm_model_name="other.gguf")) is None
    assert adapter_of(settings(llm_model_name="other.gguf", llm_adapter=str(mine))) == mine
    with pytest.raises(EngineError, match="LLM_ADAPTER: there is no file"):
        adapter_of(settings(llm_adapter=str(tmp_path / "missing.gguf")))
    described = [llama_cpp_engine(settings(llm_adapter=one)).describe().adapter for one in ("", "none", str(mine))]
    assert described == ["partner", "", "mine"]


def test_model_of_a_server() -> None:
    assert choose_model("b", ["a", "b"]) == "b"
    assert choose_model("b", ["a"]) == "a"
    with pytest.raises(InvalidInputError, match=r"LLM_MODEL_NAME=c: .* a, b$"):
        choose_model("c", ["a", "b"])
    with pytest.raises(UnavailableError, match="no model at all"):
        choose_model("c", [])


@pytest.mark.parametrize(
    ("wanted", "served", "asked"),
    [
        ("llama3.2", ["qwen3:0.6b", "llama3.2:latest"], "llama3.2:latest"),  # Ollama
        ("gemini-2.5-flash", ["models/gemini-2.5-pro", "models/gemini-2.5-flash"], "models/gemini-2.5-flash"),
        ("openai/gpt-4.1", ["anthropic/*", "openai/*"], "openai/gpt-4.1"),  # LiteLLM
        ("openai/gpt-4.1", ["*"], "openai/gpt-4.1"),
        ("qwen/qwen3-32b:nitro", ["qwen/qwen3-32b", "x/y"], "qwen/qwen3-32b:nitro"),  # OpenRouter
        ("any", ["qwen2.5-7b-instruct", "text-embedding-nomic-embed-text-v1.5"], "qwen2.5-7b-instruct"),  # LM Studio
    ],
)
def test_names_that_servers_write_differently(wanted: str, served: list[str], asked: str) -> None:
    assert choose_model(wanted, served) == asked
