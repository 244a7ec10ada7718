"""The language-model engines, and which of them runs here. An engine is imported only when it is chosen."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name

import pynvml

from llm_service.config import LlmSettings
from llm_service.engine import LlmEngine
from llm_service.gguf_weights import is_gguf

logger = logging.getLogger(__name__)

ENGINES: Mapping[str, str] = {
    "openai": "llm_service.engines.load_balanced:load_balanced_engine",
    "vllm": "llm_service.engines.vllm:vllm_engine",
    "llama.cpp": "llm_service.engines.llama_cpp:llama_cpp_engine",
}
"""Name → "module:factory"; the factory is called with the settings."""


def choose_engine(settings: LlmSettings, *, can_run_vllm: bool) -> str:
    """The engine (a key of ENGINES) that the settings name or, with LLM_ENGINE=auto, the first that fits.

    The order is: `openai` if LLM_BASE_URL is set; `llama.cpp` for a GGUF file or a repository of such files; `vllm` if
    it can run here; otherwise `llama.cpp`, with the bundled model.
    """
    if settings.llm_engine != "auto":
        return settings.llm_engine
    if settings.llm_base_url:
        return "openai"
    if is_gguf(settings.llm_model_name):
        return "llama.cpp"
    if can_run_vllm:
        return "vllm"
    logger.warning(
        "vllm can't run here, and LLM_BASE_URL is not set: a small bundled model takes the place of %s",
        settings.llm_model_name,
    )
    return "llama.cpp"


def create_engine(settings: LlmSettings, name: str = "") -> LlmEngine:
    """The engine `name`, a key of ENGINES, not yet started; without a name, the engine that suits settings and machine.

    Raises EngineError or UnavailableError if something that the engine needs is missing.
    """
    name = name or choose_engine(settings, can_run_vllm=cuda_gpus() > 0 and find_vllm() is not None)
    engine: LlmEngine = resolve_name(ENGINES[name])(settings)
    return engine


def cuda_gpus() -> int:
    """How many NVIDIA GPUs the driver reports; 0 if there is no driver."""
    try:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0


def find_vllm() -> str | None:
    """The `vllm` command of this virtual environment (activated or not), otherwise one on the PATH; None: neither."""
    return shutil.which("vllm", path=str(Path(sys.executable).parent)) or shutil.which("vllm")
