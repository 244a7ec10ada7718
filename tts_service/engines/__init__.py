"""The speech engines, and which of them runs a model. An engine is imported only when it is chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name

from common.engine_probe import Probe
from common.errors import EngineError, InvalidInputError, ServiceError
from tts_service.config import TtsSettings
from tts_service.engine import TtsEngine
from tts_service.engines.fallback import FallbackEngine
from tts_service.speech.levelling import LevelledEngine

ENGINES: Mapping[str, str] = {
    "piper": "tts_service.engines.piper:PiperTts",
    "kokoro": "tts_service.engines.kokoro:KokoroTts",
    "coqui": "tts_service.engines.coqui:CoquiTts",
    "kyutai": "tts_service.engines.kyutai:KyutaiTts",
    "pocket-tts": "tts_service.engines.pocket:PocketTts",
    "edge-tts": "tts_service.engines.edge:EdgeTts",
}
"""Name → "module:Class". The class is built from the settings and a model name; "" means the engine's own default."""

PROBED = frozenset({"coqui", "kyutai", "pocket-tts"})
"""Engines on PyTorch, whose native libraries may crash the process: they are tried in a child process first."""

_BY_ID = {
    r".*\.onnx": "piper",
    r"[a-z]{2,3}_[A-Z]{2}-\w+-(x_low|low|medium|high)": "piper",
    r"hexgrad/Kokoro-82M": "kokoro",
    r"tts_models/.+|coqui/XTTS-.+": "coqui",
    r"kyutai/tts-.+": "kyutai",
    r"kyutai/pocket-tts.*": "pocket-tts",
    r"edge-tts/.+|[a-z]{2,3}-.+Neural": "edge-tts",
}
_EXTRAS = {"coqui": "tts-coqui", "kyutai": "tts-kyutai", "pocket-tts": "tts-pocket"}


def choose_engine(model_name: str, setting: str = "TTS_MODEL_NAME") -> str:
    """The engine (a key of ENGINES) for a model id, a file or a folder. An engine's name stands for its default model.

    Raises InvalidInputError if no engine runs that model. setting: the name of the setting that holds the model, for
    the error's message.
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
    or_empty = ", or leave it empty for the bundled voice" if setting == "TTS_MODEL_NAME" else ""
    raise InvalidInputError(
        f"{setting}={model_name}: no engine runs this model, and there is no such folder; take a Piper voice (a"
        " .onnx file, a folder of them, or an id like en_US-lessac-medium), hexgrad/Kokoro-82M, tts_models/…,"
        f" kyutai/tts-…, kyutai/pocket-tts or edge-tts/VOICE{or_empty}"
    )


def create_engine(settings: TtsSettings) -> TtsEngine:
    """The engine of TTS_MODEL_NAME, not yet loaded. It falls back to TTS_FALLBACKS.

    Raises InvalidInputError if there is no engine for one of the models.
    """
    models = [settings.tts_model_name, *fallbacks_of(settings.tts_model_name, settings.tts_fallbacks)]
    wanted = choose_engine(settings.tts_model_name)
    probe = create_probe(settings)

    def load(model: str) -> TtsEngine:
        return LevelledEngine(load_engine(settings, model, probe), settings.tts_loudness_lufs)

    return FallbackEngine(models, wanted=wanted, load=load, build=lambda model: build(settings, model), stop=probe.stop)


def fallbacks_of(model_name: str, fallbacks: str) -> list[str]:
    """The models to try after `model_name`. `model_name` itself is left out.

    If the list has an entry of the same engine, the result begins with that entry; otherwise it is the whole list. The
    bundled voice (an empty name) needs no fallback. fallbacks: TTS_FALLBACKS, a comma-separated list or "none". Raises
    InvalidInputError if there is no engine for one of the models.
    """
    listed = [model.strip() for model in fallbacks.split(",") if model.strip() not in ("", "none")]
    if not model_name:
        return []
    wanted, engines = choose_engine(model_name), [choose_engine(model, "TTS_FALLBACKS") for model in listed]
    if wanted in engines:
        listed = listed[engines.index(wanted) :]
    return [model for model in listed if model != model_name]


def create_probe(settings: TtsSettings) -> Probe:
    """The probe, which tries engines in a child process, `python -m tts_service.probe`."""
    return Probe(
        "tts_service.probe",
        task="load and say a word",
        timeout_s=settings.tts_probe_timeout_s,
        limit="TTS_PROBE_TIMEOUT_S",
    )


def load_engine(settings: TtsSettings, model_name: str, probe: Probe) -> TtsEngine:
    """The engine of `model_name`, loaded. A ServiceError of the engine passes unchanged; any other error becomes an
    EngineError.

    If the engine is one of PROBED, `probe` tries it first, unless TTS_PROBE_TIMEOUT_S is 0. Raises ProbeStoppedError if
    the probe is stopped.
    """
    engine = build(settings, model_name)
    if choose_engine(model_name) in PROBED and settings.tts_probe_timeout_s:
        probe.run([model_name], settings.model_dump_json(), what=model_name)
    try:
        engine.load()
    except ServiceError:
        raise
    except Exception as error:  # each library has errors of its own; running out of memory is among them
        raise EngineError(f"{model_name}: {type(error).__name__}: {error}") from error
    return engine


def build(settings: TtsSettings, model_name: str) -> TtsEngine:
    """The engine of `model_name` alone: without fallback and levelling, not yet loaded.

    Raises InvalidInputError if no engine runs the model, EngineError if the engine is not installed.
    """
    name = choose_engine(model_name)
    try:
        adapter = resolve_name(ENGINES[name])
    except ImportError as error:
        extra = _EXTRAS.get(name, "tts")
        raise EngineError(
            f"the engine {name} of {model_name or 'the default voice'} is not installed ({error}); install"
            f" ai-talk[{extra}]"
        ) from error
    engine: TtsEngine = adapter(settings, "" if model_name == name else model_name)
    return engine


def _engine_of_folder(folder: Path) -> str:
    """The engine for a folder, by its files: Kokoro has ONNX and `voices`, Coqui and Kyutai have `config.json` but no
    ONNX, pocket-tts has YAML, and any other folder is Piper's."""
    config = folder / "config.json"
    if config.is_file() and not any(folder.glob("*.onnx")):
        return "kyutai" if "mimi_name" in json.loads(config.read_text(encoding="utf-8")) else "coqui"
    if any(folder.glob("*.onnx")) and any(folder.glob("voices/*.bin")):
        return "kokoro"
    return "pocket-tts" if any(folder.glob("*.yaml")) else "piper"
