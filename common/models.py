"""Model weights from Hugging Face: found in the cache, else downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import EngineError


def fetch_model(
    model_id: str, cache_dir: Path, *, revision: str | None = None, only: Sequence[str] | None = None
) -> Path:
    """The folder with the files of `model_id` (`owner/name`), after downloading those that the cache lacks.

    revision: branch, tag or commit; None: the newest. only: patterns of file names (`*.json`); None: all files.
    HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE hold as everywhere. Raises EngineError, saying what to do, if
    the model can't be had.
    """
    from huggingface_hub import snapshot_download  # slow to import, and needed by few

    try:
        folder = snapshot_download(
            model_id, revision=revision, cache_dir=cache_dir, allow_patterns=list(only) if only else None
        )
    except Exception as error:
        raise EngineError(
            f"the model {model_id} is not in {cache_dir}, and can't be downloaded ({error}); check the id and the"
            " network, or put the files there yourself and name their folder"
        ) from error
    return Path(folder)
