"""The speech engines, and which of them a model id means. An adapter is imported only when it is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from common.errors import InvalidInputError
from tts_service.config import TtsSettings
from tts_service.engine import TtsEngine

ENGINES: Mapping[str, str] = {"piper": "tts_service.engines.piper:PiperTts"}


def choose_engine(model_name: str) -> str:
    """Name of the engine that speaks `model_name`; raises InvalidInputError if none does."""
    if not model_name or model_name.endswith(".onnx") or Path(model_name).is_dir():
        return "piper"
    raise InvalidInputError(
        f"TTS_MODEL_NAME={model_name}: no engine here can speak it; give the path of a Piper voice (.onnx) or of a"
        " folder of them, or leave it empty for the bundled voice"
    )


def create_engine(settings: TtsSettings, name: str | None = None) -> TtsEngine:
    """The engine `name`, or the one that TTS_MODEL_NAME means, not yet loaded."""
    module, _, attribute = ENGINES[name or choose_engine(settings.tts_model_name)].partition(":")
    return cast(TtsEngine, getattr(import_module(module), attribute)(settings.tts_model_name, settings.tts_device))
