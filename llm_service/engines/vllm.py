"""vLLM's server, for machines with a GPU and vllm installed (https://docs.vllm.ai/en/latest/cli/serve/)."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Sequence
from pathlib import Path

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.models import fetch_model
from llm_service.config import LlmSettings
from llm_service.engines import cuda_gpus, find_vllm
from llm_service.engines.supervised import SupervisedEngine

WEIGHT_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.py")
"""The files of a repository that `vllm serve` reads. Other formats of the same weights, which many repositories have,
are not downloaded."""

TOOL_PARSERS = {
    "qwen3-coder": "qwen3_coder",
    "qwen": "hermes",
    "hermes": "hermes",
    "llama-3": "llama3_json",
    "mistral": "mistral",
    "granite": "granite",
    "gpt-oss": "openai",
    "deepseek-v3": "deepseek_v3",
}
"""Part of a model's name → vLLM's parser of its tool calls (https://docs.vllm.ai/en/latest/features/tool_calling/)."""


def vllm_engine(settings: LlmSettings) -> SupervisedEngine:
    """The engine that runs `vllm serve` for LLM_MODEL_NAME. Raises EngineError if vllm is not installed."""
    program = find_vllm()
    if program is None:
        raise EngineError("there is no `vllm` command; pip install vllm, or set LLM_BASE_URL")
    device = "cuda:0" if cuda_gpus() else "cpu"
    return SupervisedEngine(
        EngineDescription(engine="vllm", model=settings.llm_model_name, device=device, dtype=_dtype(settings)),
        functools.partial(vllm_command, program, settings),
        startup_timeout_s=settings.llm_startup_timeout_s,
        request_timeout_s=settings.llm_request_timeout_s,
        fetch=functools.partial(fetch_weights, settings),
    )


def fetch_weights(settings: LlmSettings) -> None:
    """Download the weights that vLLM would load, unless LLM_MODEL_NAME is a folder. Raises EngineError."""
    if not Path(settings.llm_model_name).is_dir():
        revision = settings.llm_model_revision or None
        fetch_model(settings.llm_model_name, settings.models_cache_dir, revision=revision, only=WEIGHT_FILES)


def vllm_command(program: str, settings: LlmSettings, port: int) -> Sequence[str]:
    """The command line of `vllm serve`. No argument is about logs, because by default vLLM doesn't log requests."""
    return (
        *("env", "VLLM_NO_USAGE_STATS=1"),  # a self-hosted system reports to nobody
        *(program, "serve", settings.llm_model_name),
        *("--host", "127.0.0.1"),
        *("--port", str(port)),
        *("--served-model-name", settings.llm_model_name),
        *("--max-model-len", str(settings.llm_max_model_len)),
        *("--gpu-memory-utilization", str(settings.llm_gpu_memory_utilization)),
        *("--max-num-seqs", str(settings.llm_max_streams)),
        *("--download-dir", str(settings.models_cache_dir)),
        *("--dtype", settings.llm_dtype),
        *(() if settings.llm_quantization == "auto" else ("--quantization", settings.llm_quantization)),
        *(("--revision", settings.llm_model_revision) if settings.llm_model_revision else ()),
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",  # otherwise usage has no cached_tokens
        *(("--trust-remote-code",) if settings.trust_remote_code else ()),
        *_tool_arguments(settings),
        *shlex.split(settings.llm_vllm_args),
    )


def _tool_arguments(settings: LlmSettings) -> Sequence[str]:
    """The arguments with which vLLM lets the model decide whether it calls tools.

    Empty for a model whose parser we don't know, or if LLM_VLLM_ARGS names a parser. Without these arguments, vLLM
    refuses requests that leave the decision to the model, and `llm_service.openai_api.tools_in_words` takes over.
    """
    name = settings.llm_model_name.lower()
    parser = next((parser for part, parser in TOOL_PARSERS.items() if part in name), None)
    if parser is None or "--tool-call-parser" in settings.llm_vllm_args:
        return ()
    return ("--enable-auto-tool-choice", "--tool-call-parser", parser)


def _dtype(settings: LlmSettings) -> str:
    """The quantisation, otherwise the number type, that the settings name; "" if only the model's config tells it."""
    return next((value for value in (settings.llm_quantization, settings.llm_dtype) if value != "auto"), "")
