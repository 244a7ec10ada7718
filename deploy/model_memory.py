"""How much GPU memory a model takes, from the numbers in model_memory.toml. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from asr_service.config import AsrSettings
from llm_service.config import LlmSettings
from tts_service.config import TtsSettings

TABLE = Path(__file__).parent / "model_memory.toml"
_BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "int16": 2.0}  # per parameter; all int8 types take 1
_KV_BYTES = 2  # vLLM keeps its cache in 16 bits


@dataclass(frozen=True, slots=True)
class Demand:
    """The memory that one model needs on one GPU, in GB.

    least_gb: with less, the model does not start. full_gb: with this much, all streams are served at once. device: the
    index of the GPU in the settings; None: any. per_conversation_gb: a language model's cache for one full context.
    source: where the numbers come from.
    """

    part: str
    model: str
    least_gb: float
    full_gb: float
    device: int | None
    source: str
    per_conversation_gb: float = 0.0


class UnknownModelError(Exception):
    """The table has no such model."""


@cache
def table() -> Mapping[str, Any]:
    """The content of model_memory.toml."""
    return tomllib.loads(TABLE.read_text())


def overhead(name: str) -> float:
    """The number `name` from the table's section [overhead]."""
    return float(table()["overhead"][name])


def llm_demand(settings: LlmSettings) -> Demand:
    """vLLM with `settings`: the weights, working memory, and a cache for one context (least_gb) or all streams
    (full_gb)."""
    row = _row("llm", settings.llm_model_name)
    weights = row["quantised_b"] * row["bits"] / 8 + row["plain_b"] * 2
    fixed = weights + overhead("vllm_activations_gb") + overhead("context_gb")
    per_token = 2 * row["layers"] * row["kv_heads"] * row["head_dim"] * _KV_BYTES  # keys and values
    one = per_token * settings.llm_max_model_len / 1e9
    return Demand(
        *(
            "llm",
            settings.llm_model_name,
            fixed + one,
            fixed + one * settings.llm_max_streams,
            0,
        ),  # vLLM uses the first GPU
        *(row["source"], one),
    )


def asr_demand(settings: AsrSettings) -> Demand:
    """A recognition model: the weights in ASR_DTYPE, and working memory for each thread."""
    row = _row("asr", settings.asr_model_name or "whisper-tiny.en")
    size = row["parameters_b"] * _BYTES.get(settings.asr_dtype, 1.0)
    total = size + row["working_gb"] * settings.asr_threads + overhead("context_gb")
    return Demand("asr", settings.asr_model_name, total, total, _index(settings.asr_device), row["source"])


def tts_demand(settings: TtsSettings) -> Demand:
    """A voice model. A model that speaks on the CPU needs no GPU memory."""
    row = _row("tts", settings.tts_model_name or "piper.onnx")
    streams = row.get("stream_gb", 0.0) * settings.tts_max_streams
    total = row["gpu_gb"] + streams + overhead("context_gb") if row["gpu_gb"] else 0.0
    return Demand("tts", settings.tts_model_name, total, total, _index(settings.tts_device), row["source"])


def _row(kind: str, model: str) -> Mapping[str, Any]:
    name = model.partition("@")[0]
    for row in table()[kind]:
        if fnmatch(name, row["id"]):
            return dict(row)
    raise UnknownModelError(f"{TABLE.name} has no numbers for the {kind} model {model}")


def _index(device: str) -> int | None:
    _, colon, index = device.partition(":")
    return int(index) if colon else None
