"""The engines there are, and which model goes with which. An engine is imported only when it is chosen."""

from __future__ import annotations

import importlib
from pathlib import Path

from asr_service.config import AsrSettings
from asr_service.engine import AsrEngine

ENGINES = {"faster-whisper": "asr_service.engines.faster_whisper:FasterWhisper"}
"""Name → "module:class"; the class is built from the settings."""

_BY_ID = {"openai/whisper-": "faster-whisper", "Systran/": "faster-whisper", "distil-whisper/": "faster-whisper"}


def choose_engine(model: str) -> str:
    """The name of the engine for a model id or folder; raises ValueError if there is none."""
    if not model or Path(model).is_dir():
        return "faster-whisper"
    for beginning, engine in _BY_ID.items():
        if model.startswith(beginning):
            return engine
    known = ", ".join(f"{beginning}*" for beginning in _BY_ID)
    raise ValueError(
        f"ASR_MODEL_NAME={model}: no engine runs this model, and there is no such folder; take {known}, "
        "a folder with CTranslate2 weights, or leave it empty for the bundled model"
    )


def create_engine(settings: AsrSettings, name: str = "") -> AsrEngine:
    """The engine that the settings ask for, not yet loaded."""
    module, _, cls = ENGINES[name or choose_engine(settings.asr_model_name)].partition(":")
    engine: AsrEngine = getattr(importlib.import_module(module), cls)(settings)
    return engine
