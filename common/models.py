"""Model weights from Hugging Face: found in the cache, or downloaded.

    list of files  →  is there room on the disk  →  large files, each resumed where it stopped
      →  the hub library's snapshot (small files, links)  →  does every file have its size

`common.download` fetches large files, because the hub's library starts them from zero in each new process. HF_HOME,
HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE work as usual: the library itself reads them from the environment.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from common.backoff import Backoff
from common.download import SPARE_BYTES, WeightFile, download
from common.errors import EngineError
from common.memory import gigabytes

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

logger = logging.getLogger(__name__)

RETRIES = 4
"""How often an interrupted download is tried again: after 1, 2, 4 and 8 s."""


@runtime_checkable
class Fetches(Protocol):
    """An engine whose weights are downloaded."""

    def fetch(self) -> object:
        """Download the weights without loading them. Raises EngineError. Callers ignore the result."""
        ...


def fetch_weights(engine: object) -> None:
    """Download the engine's weights, as `--fetch` does. An engine without `fetch` has nothing to download."""
    if isinstance(engine, Fetches):
        engine.fetch()


@dataclass(frozen=True, slots=True)
class _Wanted:
    model_id: str
    revision: str | None
    cache_dir: Path
    only: list[str] | None

    def siblings(self, info: ModelInfo) -> list[RepoSibling]:
        """The wanted files of the repository."""
        return [
            file
            for file in info.siblings or ()
            if self.only is None or any(fnmatch(file.rfilename, pattern) for pattern in self.only)
        ]

    def __str__(self) -> str:
        return f"the model {self.model_id}" + (f" ({self.revision})" if self.revision else "")


def fetch_model(
    model_id: str, cache_dir: Path, *, revision: str | None = None, only: Sequence[str] | None = None
) -> Path:
    """The folder with the files of `model_id` (`owner/name`, or `owner/name@revision`), downloaded if necessary.

    revision: branch, tag or commit; None: the newest. only: patterns of file names (`*.json`); None: all files. If the
    hub can't be reached, the files in the cache are used if they are complete. Raises EngineError, which says what to
    do.
    """
    name, pinned = split_revision(model_id)
    wanted = _Wanted(name, revision or pinned, cache_dir.expanduser(), list(only) if only else None)
    backoff = Backoff(first_s=1.0)
    while True:
        try:
            return _fetch(wanted)
        except EngineError:
            raise
        except Exception as error:
            why = _final(error, wanted)
            if why or backoff.failures >= RETRIES:
                why = (
                    why or f"it can't be downloaded ({error}); check the network, then try again: it goes on from here"
                )
                raise EngineError(f"{wanted} is not in {wanted.cache_dir}: {why}") from error
            pause = backoff.next_pause_s()
            logger.warning("downloading %s broke off (%s); trying again in %g s", wanted, error, pause)
            time.sleep(pause)


def find_model(
    model_id: str, cache_dir: Path, *, revision: str | None = None, only: Sequence[str] | None = None
) -> Path | None:
    """The folder that `fetch_model` returned earlier; None if there is none. No server is asked.

    The folder may contain only the files of an earlier call with other patterns.
    """
    from huggingface_hub import snapshot_download

    name, pinned = split_revision(model_id)
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision or pinned,
                cache_dir=cache_dir.expanduser(),
                allow_patterns=list(only) if only else None,
                local_files_only=True,
            )
        )
    except (OSError, ValueError):  # it isn't in the cache
        return None


def split_revision(model_id: str) -> tuple[str, str | None]:
    """Split `owner/name@revision` in two; the revision is None if there is no @."""
    name, _, revision = model_id.partition("@")
    return name, revision or None


def _fetch(wanted: _Wanted) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download  # slow to import, and rarely needed

    def snapshot(revision: str | None, *, offline: bool) -> Path:
        return Path(
            snapshot_download(
                wanted.model_id,
                revision=revision,
                cache_dir=wanted.cache_dir,
                allow_patterns=wanted.only,
                local_files_only=offline,
            )
        )

    if constants.HF_HUB_OFFLINE:
        return snapshot(wanted.revision, offline=True)
    try:
        info = HfApi().model_info(wanted.model_id, revision=wanted.revision, files_metadata=True)
    except Exception as error:
        if _is_refusal(error):
            raise
        try:
            folder = snapshot(wanted.revision, offline=True)
        except OSError:
            raise error from None
        logger.warning("%s can't be asked for %s (%s): taking what is in the cache", constants.ENDPOINT, wanted, error)
        return folder
    files = _files(info, wanted)
    _check_room(files, wanted)
    for file in files:
        download(file)
    folder = snapshot(info.sha, offline=False)
    if info.sha and wanted.revision != info.sha:
        _remember(info.sha, wanted)
    return _complete(folder, info, wanted)


def _files(info: ModelInfo, wanted: _Wanted) -> list[WeightFile]:
    """The large files of the repository: those in LFS."""
    from huggingface_hub.file_download import repo_folder_name

    folder = repo_folder_name(repo_id=wanted.model_id, repo_type="model")
    return [
        WeightFile(
            repository=wanted.model_id,
            revision=info.sha or "main",
            name=file.rfilename,
            size_bytes=file.lfs.size,
            sha256=file.lfs.sha256,
            blobs=wanted.cache_dir / folder / "blobs",
            locks=wanted.cache_dir / ".locks" / folder,
        )
        for file in wanted.siblings(info)
        if file.lfs is not None
    ]


def _check_room(files: Iterable[WeightFile], wanted: _Wanted) -> None:
    """Raises EngineError if the disk has no room for the missing files."""
    missing = sum(file.missing_bytes() for file in files)
    if not missing:
        return
    wanted.cache_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(wanted.cache_dir).free
    logger.info("downloading %s: %s, into %s", wanted, gigabytes(missing), wanted.cache_dir)
    if free < missing + SPARE_BYTES:
        raise EngineError(
            f"{wanted} needs {gigabytes(missing + SPARE_BYTES)} of disk, and {gigabytes(free)} are free in"
            f" {wanted.cache_dir}; make room, or set MODELS_CACHE_DIR to a folder on a larger disk"
        )


def _complete(folder: Path, info: ModelInfo, wanted: _Wanted) -> Path:
    """`folder`, if each file has its size. Otherwise deletes a bad file, so that it is downloaded again, and raises
    OSError."""
    for file in wanted.siblings(info):
        path = folder / file.rfilename
        if file.size is not None and path.stat().st_size != file.size:
            found = path.stat().st_size
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise OSError(f"{file.rfilename} has {found} bytes instead of {file.size}; it is deleted")
    return folder


def _remember(sha: str, wanted: _Wanted) -> None:
    """Record the commit of the branch or tag, as the hub's library does, so that it is found offline."""
    from huggingface_hub.file_download import repo_folder_name

    folder = repo_folder_name(repo_id=wanted.model_id, repo_type="model")
    ref = wanted.cache_dir / folder / "refs" / (wanted.revision or "main")
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(sha)


def _is_refusal(error: Exception) -> bool:
    """Whether the hub has refused the request, so that trying again is useless."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status in (400, 401, 403, 404) or isinstance(error, ValueError)


def _is_away(error: Exception) -> bool:
    """Whether there was no connection. Names of classes are compared, because the library has used both httpx and
    requests."""
    return type(error).__name__ in ("ConnectError", "ConnectionError", "ProxyError")


def _final(error: Exception, wanted: _Wanted) -> str:
    """Why trying again is useless, and what to do; empty if another attempt may succeed."""
    from huggingface_hub import constants

    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EFBIG):
        free = shutil.disk_usage(wanted.cache_dir).free
        return (
            f"the disk is full ({error.strerror}; {gigabytes(free)} are free in {wanted.cache_dir}); make room, or set"
            " MODELS_CACHE_DIR to a folder on a larger disk. What was downloaded is kept"
        )
    if isinstance(error, PermissionError):
        return f"{error}; MODELS_CACHE_DIR must be a folder that this user can write"
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set; unset it and run `make models`, or copy the cache from another machine"
    if _is_away(error):
        return f"{constants.ENDPOINT} can't be reached ({error}); check the network, HF_ENDPOINT and HTTPS_PROXY"
    if _is_refusal(error):
        return (
            f"{constants.ENDPOINT} does not have it, or does not give us access ({type(error).__name__}); check the id"
            " and the revision; if the model's licence has to be accepted, set HF_TOKEN"
        )
    if isinstance(error, ImportError):
        return f"this environment has no huggingface_hub ({error})"
    return ""
