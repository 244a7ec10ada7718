"""llama.cpp's server, for machines without a GPU. It runs the bundled SmolLM2-135M-Instruct, or another GGUF file.

`llm_service.gguf_weights` says which file LLM_MODEL_NAME means.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from common.engine_info import EngineDescription
from common.errors import EngineError
from common.smollm2 import CORRECTIONS_ADAPTER, PARTNER_ADAPTER
from llm_service.config import LlmSettings
from llm_service.engines.supervised import SupervisedEngine
from llm_service.gguf_weights import GgufWeights
from llm_service.servers.llama_server import READY

logger = logging.getLogger(__name__)

PARALLEL = 4  # replies at once; each one takes memory for a whole context, and all share the CPU
# The bundled model's context in tokens, for each slot; a full slot takes 45 MB. A small model's prompts have about 500
# tokens, and longer prompts hardly help it.
_BUNDLED_CONTEXT = 2048


def llama_cpp_engine(settings: LlmSettings) -> LlamaCppEngine:
    """The engine for LLM_MODEL_NAME. Raises EngineError if a local file of the model or adapter is missing."""
    return LlamaCppEngine(settings, GgufWeights.of(settings))


class LlamaCppEngine(SupervisedEngine):
    """A supervised llama.cpp, whose weights are joined or downloaded first if they aren't on this disk."""

    def __init__(self, settings: LlmSettings, weights: GgufWeights) -> None:
        model, quantisation = weights.label
        adapter = adapter_of(settings)
        self._weights = weights
        self._path: Path | None = None
        super().__init__(
            EngineDescription(
                engine="llama.cpp",
                model=model,
                device="cpu",
                dtype=quantisation,
                adapter=_name_of(adapter),
            ),
            lambda port: llama_command(settings, self._path or weights.fetch(), model, port),
            startup_timeout_s=settings.llm_startup_timeout_s,
            request_timeout_s=settings.llm_request_timeout_s,
            fetch=weights.fetch,
            slots=_slots(settings),
            has_another_slot=_corrections_adapter(settings) is not None,
            ready_words=READY,
        )

    async def start(self) -> None:
        """Get the weights, then start the server. Raises EngineError."""
        self._path = await _in_thread(self._weights.fetch)
        logger.info("llama.cpp serves %s", self._path.name)
        await super().start()


def _in_thread(work: Callable[[], Path]) -> asyncio.Future[Path]:
    """Run `work` in a thread. The process may end without waiting for the thread: the next process resumes the
    download."""
    future: Future[Path] = Future()

    def run() -> None:
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="weights", daemon=True).start()
    return asyncio.wrap_future(future)


def adapter_of(settings: LlmSettings) -> Path | None:
    """The LoRA adapter to use, by LLM_ADAPTER; None: none. Raises EngineError if the file that it names is missing."""
    if settings.llm_adapter == "none":
        return None
    if not settings.llm_adapter:
        return PARTNER_ADAPTER if GgufWeights.of(settings).is_bundled else None
    path = Path(settings.llm_adapter).expanduser()
    if not path.is_file():
        raise EngineError(f"LLM_ADAPTER: there is no file {path}; give the path of a LoRA adapter in GGUF, or `none`")
    return path


def _corrections_adapter(settings: LlmSettings) -> Path | None:
    """The adapter that requests for corrections name; None unless the model is the one that it was trained with."""
    is_partner = GgufWeights.of(settings).is_bundled and adapter_of(settings) == PARTNER_ADAPTER
    return CORRECTIONS_ADAPTER if is_partner else None


def _name_of(adapter: Path | None) -> str:
    """The adapter's name for Describe."""
    if adapter is None:
        return ""
    return "partner" if adapter == PARTNER_ADAPTER else adapter.stem


def llama_command(settings: LlmSettings, weights: Path, model: str, port: int) -> Sequence[str]:
    """The command line of llama.cpp's server for the GGUF file `weights`, which requests call `model`."""
    bundled = GgufWeights.of(settings).is_bundled
    is_chosen = not bundled or "llm_max_model_len" in settings.model_fields_set
    context = settings.llm_max_model_len if is_chosen else _BUNDLED_CONTEXT
    adapter, corrections = adapter_of(settings), _corrections_adapter(settings)
    return (
        *(sys.executable, "-m", "llm_service.servers.llama_server"),
        *("--model", str(weights)),
        *("--alias", model),
        *("--port", str(port)),
        *("--context", str(context)),
        *("--parallel", str(_slots(settings) + (1 if corrections else 0))),
        *("--threads", str(settings.llm_threads)),
        *(("--eight-bits", str(settings.models_cache_dir)) if bundled else ()),
        *(("--adapter", str(adapter)) if adapter else ()),
        *(("--request-adapter", str(corrections)) if corrections else ()),
    )


def _slots(settings: LlmSettings) -> int:
    """How many replies llama.cpp writes at once."""
    return min(PARALLEL, settings.llm_max_streams)
