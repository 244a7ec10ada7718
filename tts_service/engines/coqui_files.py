"""Where a Coqui model's files are: in a folder of your own, or downloaded, by the model's id in Coqui's list.

tts_models/en/ljspeech/tacotron2-DDC   MODELS_CACHE_DIR/tts/tts_models--en--ljspeech--tacotron2-DDC/…, and its vocoder
tts_models/…/xtts_v2                   Hugging Face's layout in MODELS_CACHE_DIR
/models/my-voice                       config.json and model.pth there; a vocoder, if any, likewise in vocoder/
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import EngineError
from common.models import fetch_model

logger = logging.getLogger(__name__)

_XTTS_FILES = ("config.json", "vocab.json", "model.pth", "speakers_xtts.pth")
_NON_COMMERCIAL = ("cpml", "nc")


@dataclass(frozen=True, slots=True)
class CoquiFiles:
    """Checkpoint and config of a model and, if the model makes spectrograms only, of a vocoder."""

    model: Path
    config: Path
    vocoder: Path | None = None
    vocoder_config: Path | None = None


def find_files(model_name: str, cache_dir: Path) -> CoquiFiles:
    """The files of `model_name`, downloaded if necessary. Raises EngineError, which says what to do, if that fails."""
    from TTS.utils.manage import ModelManager

    folder = Path(model_name)
    if folder.is_dir():
        vocoder = _pair(ModelManager, folder / "vocoder") if (folder / "vocoder").is_dir() else (None, None)
        files = CoquiFiles(*_pair(ModelManager, folder), *vocoder)
        _warn_of_licence(model_name, "CPML" if (folder / "speakers_xtts.pth").exists() else "")
        return files
    manager = ModelManager(output_prefix=cache_dir, progress_bar=True)
    item = _item(manager, model_name)
    _warn_of_licence(model_name, str(item.get("license", "")))
    model, config = _fetch(manager, model_name, item, cache_dir)
    vocoder_name = item.get("default_vocoder")
    if not vocoder_name:
        return CoquiFiles(model, config)
    return CoquiFiles(model, config, *_fetch(manager, vocoder_name, _item(manager, vocoder_name), cache_dir))


def _item(manager: Any, model_name: str) -> dict[str, Any]:
    """The model's entry in Coqui's list. Raises EngineError if there is none."""
    try:
        item: dict[str, Any] = manager._set_model_item(model_name)[0]  # Coqui has no public method for it
    except (KeyError, ValueError):
        raise EngineError(
            f"TTS_MODEL_NAME={model_name}: Coqui's list has no such model; `tts --list_models` shows what there is"
        ) from None
    return item


def _fetch(manager: Any, model_name: str, item: dict[str, Any], cache_dir: Path) -> tuple[Path, Path]:
    if not manager.tos_agreed(item, manager.output_prefix / model_name.replace("/", "--")):
        raise EngineError(
            f"{model_name} comes under the {item.get('license')} licence (non-commercial use only:"
            " https://tts-hub.github.io/cpml); if you agree to it, set COQUI_TOS_AGREED=1 in the environment"
        )
    try:
        if "repo_id" not in item:
            model, config, _ = manager.download_model(model_name)
            return model, config
        only = _XTTS_FILES if "xtts" in model_name else item.get("allow")
        folder = fetch_model(item["repo_id"], cache_dir, only=only)
        model, config = _pair(type(manager), folder)
        manager._update_paths(folder, config)
    except EngineError:
        raise
    except Exception as error:  # errors of requests and of zipfile, and ValueErrors of Coqui itself
        raise EngineError(
            f"{model_name} can't be fetched into {manager.output_prefix} ({type(error).__name__}: {error}); check the"
            " network, delete the model's files there, and try again"
        ) from error
    return model, config


def _pair(manager: Any, folder: Path) -> tuple[Path, Path]:
    """The checkpoint and the config in `folder`. Raises EngineError if they aren't there."""
    try:
        model, config = manager._find_files(folder)
    except ValueError:
        raise EngineError(f"{folder} is not a Coqui model: it needs config.json and model.pth") from None
    return model, config


def _warn_of_licence(model_name: str, licence: str) -> None:
    if any(part in _NON_COMMERCIAL for part in licence.lower().replace("-", " ").split()):
        logger.warning("%s: its licence (%s) allows non-commercial use only", model_name, licence)
