"""Which engine runs the language model, imported only when it is chosen."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pynvml

from common.models import fetch_model
from llm_service.config import LlmSettings
from llm_service.engine import LlmEngine

logger = logging.getLogger(__name__)

ENGINES = {
    "openai": "llm_service.engines.balanced:balanced_engine",
    "vllm": "llm_service.engines.vllm:vllm_engine",
    "llama.cpp": "llm_service.engines.llama_cpp:llama_cpp_engine",
}

VLLM_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.py")
"""What `vllm serve` reads of a repository; many have the same weights in other formats, too."""


def create_engine(settings: LlmSettings) -> LlmEngine:
    """The engine for this machine and these settings; raises EngineError if something that it needs is missing."""
    name = choose_engine(settings, can_run_vllm=cuda_gpus() > 0 and find_vllm() is not None)
    return load_engine(name)(settings)


def fetch(settings: LlmSettings) -> None:
    """Have the weights of the server that the service would start on this disk; a remote server has its own."""
    name = choose_engine(settings, can_run_vllm=cuda_gpus() > 0 and find_vllm() is not None)
    if name == "vllm" and not Path(settings.llm_model_name).is_dir():
        revision = settings.llm_model_revision or None
        fetch_model(settings.llm_model_name, settings.models_cache_dir, revision=revision, only=VLLM_FILES)


def choose_engine(settings: LlmSettings, *, can_run_vllm: bool) -> str:
    """A key of ENGINES: LLM_ENGINE, else the server at LLM_BASE_URL, else vLLM if it can run here, else llama.cpp."""
    if settings.llm_engine != "auto":
        return settings.llm_engine
    if settings.llm_base_url:
        return "openai"
    if is_gguf(settings.llm_model_name):
        return "llama.cpp"
    if can_run_vllm:
        return "vllm"
    logger.warning(
        "no CUDA GPU with vllm, and no LLM_BASE_URL: a small bundled model takes the place of %s",
        settings.llm_model_name,
    )
    return "llama.cpp"


def load_engine(name: str) -> Callable[[LlmSettings], LlmEngine]:
    """What makes the engine `name`, a key of ENGINES."""
    module, _, function = ENGINES[name].partition(":")
    make: Callable[[LlmSettings], LlmEngine] = getattr(importlib.import_module(module), function)
    return make


def cuda_gpus() -> int:
    """How many NVIDIA GPUs this process sees."""
    try:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0


def find_vllm() -> str | None:
    """The `vllm` command of this virtual environment (activated or not), else one on the PATH."""
    return shutil.which("vllm", path=str(Path(sys.executable).parent)) or shutil.which("vllm")


def is_gguf(model_name: str) -> bool:
    """Whether it is the path of a file for llama.cpp."""
    return model_name.endswith(".gguf")
