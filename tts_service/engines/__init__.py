"""The speech engines, and which of them a model id means. An adapter is imported only when it is chosen.

Every adapter is a class built from (settings, model name); an empty model name means the engine's own default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from common.errors import EngineError, InvalidInputError
from tts_service.config import TtsSettings
from tts_service.engine import TtsEngine

ENGINES: Mapping[str, str] = {
    "piper": "tts_service.engines.piper:PiperTts",
    "coqui": "tts_service.engines.coqui:CoquiTts",
    "kyutai": "tts_service.engines.kyutai:KyutaiTts",
    "pocket-tts": "tts_service.engines.pocket:PocketTts",
    "edge-tts": "tts_service.engines.edge:EdgeTts",
}
"""Name → "module:class"."""

MAY_CRASH = frozenset({"coqui", "kyutai", "pocket-tts"})
"""Engines that run on PyTorch and load native code by the gigabyte: tried in a child process first."""

_BY_ID = {
    r".*\.onnx": "piper",
    r"[a-z]{2,3}_[A-Z]{2}-\w+-(x_low|low|medium|high)": "piper",
    r"tts_models/.+|coqui/XTTS-.+": "coqui",
    r"kyutai/tts-.+": "kyutai",
    r"kyutai/pocket-tts.*": "pocket-tts",
    r"edge-tts/.+|[a-z]{2,3}-.+Neural": "edge-tts",
}
_EXTRAS = {"coqui": "tts-coqui", "kyutai": "tts-kyutai", "pocket-tts": "tts-pocket"}


def choose_engine(model_name: str) -> str:
    """Name of the engine that speaks `model_name`: a model id, a file, a folder, or just an engine's name.

    Raises InvalidInputError if none does.
    """
    if not model_name:
        return "piper"
    if model_name in ENGINES:
        return model_name
    if Path(model_name).is_dir():
        return _engine_of_folder(Path(model_name))
    for pattern, engine in _BY_ID.items():
        if re.fullmatch(pattern, model_name):
            return engine
    raise InvalidInputError(
        f"TTS_MODEL_NAME={model_name}: no engine here can speak it, and there is no such folder; give a Piper voice"
        " (a .onnx file, a folder of them, or an id like en_US-lessac-medium), tts_models/…, kyutai/tts-…,"
        " kyutai/pocket-tts, edge-tts/VOICE, or leave it empty for the bundled voice"
    )


def create_engine(settings: TtsSettings, model_name: str | None = None) -> TtsEngine:
    """The engine of `model_name`, or else of TTS_MODEL_NAME, not yet loaded.

    Raises InvalidInputError if no engine speaks it, EngineError if the engine is not installed.
    """
    chosen = settings.tts_model_name if model_name is None else model_name
    name = choose_engine(chosen)
    module, _, attribute = ENGINES[name].partition(":")
    try:
        adapter = getattr(import_module(module), attribute)
    except ImportError as error:
        extra = _EXTRAS.get(name, "tts")
        raise EngineError(
            f"the engine {name} of {chosen or 'the default voice'} is not installed ({error}); install ai-talk[{extra}]"
        ) from error
    return cast(TtsEngine, adapter(settings, "" if chosen == name else chosen))


def _engine_of_folder(folder: Path) -> str:
    """By what lies in it: `config.json` of a Coqui model or of Kyutai's TTS, pocket-tts's YAML; else Piper voices."""
    config = folder / "config.json"
    if config.is_file() and not any(folder.glob("*.onnx")):
        return "kyutai" if "mimi_name" in json.loads(config.read_text(encoding="utf-8")) else "coqui"
    return "pocket-tts" if any(folder.glob("*.yaml")) else "piper"
