"""The recognition engines, and which of them runs a model. An engine is imported only when it is chosen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

from asr_service.config import AsrSettings
from asr_service.engine import AsrEngine
from asr_service.engines.fallback import FallbackEngine
from common.engine_probe import Probe
from common.errors import InvalidInputError

ENGINES: Mapping[str, str] = {
    "faster-whisper": "asr_service.engines.faster_whisper:FasterWhisper",
    "kyutai-stt": "asr_service.engines.kyutai_stt:KyutaiStt",
}
"""Name → "module:Class". The class takes the settings as its argument."""

PROBED = frozenset({"kyutai-stt"})
"""Engines that crash the process with some versions of their libraries: they are tried in a child process first."""

_BY_ID = {
    "openai/whisper-": "faster-whisper",
    "Systran/": "faster-whisper",
    "distil-whisper/": "faster-whisper",
    "kyutai/stt-": "kyutai-stt",
}
_BY_TYPE = {"kyutai_speech_to_text": "kyutai-stt"}


def choose_engine(model_name: str, setting: str = "ASR_MODEL_NAME") -> str:
    """The engine (a key of ENGINES) for a model id or a folder; empty: for the bundled model.

    Raises InvalidInputError if no engine runs that model. setting: the setting that names the model, for the error's
    message.
    """
    if not model_name:
        return "faster-whisper"
    if Path(model_name).is_dir():
        return _BY_TYPE.get(model_type(Path(model_name)), "faster-whisper")
    for beginning, engine in _BY_ID.items():
        if model_name.startswith(beginning):
            return engine
    known = ", ".join(f"{beginning}*" for beginning in _BY_ID)
    raise InvalidInputError(
        f"{setting}={model_name}: no engine runs this model, and there is no such folder; take {known}, "
        "a folder with CTranslate2 weights, or leave it empty for the bundled model"
    )


def model_type(folder: Path) -> str:
    """The `model_type` in the folder's config.json; empty if it has none."""
    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type", "")
    except (OSError, ValueError, AttributeError):
        return ""
    return str(kind)


def create_engine(settings: AsrSettings, name: str = "") -> AsrEngine:
    """The engine of ASR_MODEL_NAME, not yet loaded. name: a key of ENGINES, to override that choice.

    Raises InvalidInputError if no engine runs the model, or if its engine is one of PROBED and the model of
    ASR_FALLBACK_MODEL_NAME isn't a Whisper.
    """
    name = name or choose_engine(settings.asr_model_name)
    if name not in PROBED:
        return build(ENGINES[name], settings)
    model, setting = settings.asr_fallback_model_name, "ASR_FALLBACK_MODEL_NAME"
    if choose_engine(model, setting) != "faster-whisper":
        raise InvalidInputError(f"{setting}={model}: only a Whisper can be the fallback, e.g. openai/whisper-small")
    instead = settings.model_copy(update={"asr_model_name": model, "asr_model_revision": ""})
    whisper = ENGINES["faster-whisper"]
    return with_fallback(ENGINES[name], settings, lambda: resolve_name(whisper)(instead, setting=setting))


def with_fallback(target: str, settings: AsrSettings, fall_back: Callable[[], AsrEngine]) -> FallbackEngine:
    """The engine of "module:Class", tried in a child process before it is loaded. fall_back: makes the engine that
    replaces it."""
    engine, probe = build(target, settings), create_probe(settings)
    try_it = partial(probe.run, [target], settings.model_dump_json(), what=engine.describe().model)
    return FallbackEngine(engine, try_it=try_it, stop=probe.stop, fall_back=fall_back)


def create_probe(settings: AsrSettings) -> Probe:
    """The probe, which tries engines in a child process, `python -m asr_service.probe`."""
    return Probe(
        "asr_service.probe",
        task="load and decode a second of audio",
        timeout_s=settings.asr_probe_timeout_s,
        limit="ASR_PROBE_TIMEOUT_S",
    )


def build(target: str, settings: AsrSettings) -> AsrEngine:
    """The engine of "module:Class" alone: without fallback, not yet loaded."""
    engine: AsrEngine = resolve_name(target)(settings)
    return engine
