"""The folder in which the Valkey of `make run` keeps its data, and its lock.

Two Valkeys must not share a folder: each rewrites the files and so deletes the data of the other. Therefore each holds
a lock on its folder. The kernel releases the lock when Valkey ends for any reason. `make run` holds a lock of its own,
because its Valkey starts only some seconds later.

This module imports little, so that `make run` can check the lock before anything else.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from filelock import lock_descriptor

DEFAULT = Path("./data/valkey")
_LOCK, _RUN_LOCK = ".lock", ".run.lock"


class FolderInUseError(ValueError):
    """Another Valkey, or another `make run`, uses the folder."""


def lock_folder(folder: Path, *, wait_s: float = 0.0) -> int:
    """Make `folder`, for this user only, and lock it for Valkey. Returns the descriptor that holds the lock.

    wait_s: how long to wait for another Valkey to end. Raises FolderInUseError, or OSError if the folder can't be
    written.
    """
    return _lock(folder, _LOCK, "Valkey", wait_s)


def lock_for_run(folder: Path) -> int:
    """Lock `folder` for one `make run`, as `lock_folder` does for its Valkey."""
    return _lock(folder, _RUN_LOCK, "`make run`")


def _lock(folder: Path, name: str, who: str, wait_s: float = 0.0) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)  # older versions made it readable for all
    lock = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_s
    while not lock_descriptor(lock, blocking=False):
        if time.monotonic() >= deadline:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            os.close(lock)
            raise FolderInUseError(f"another {who} (process {holder or 'unknown'}) uses the folder {folder}")
        time.sleep(0.05)
    holder = str(os.getpid())
    try:
        os.pwrite(lock, holder.encode(), 0)
        os.truncate(lock, len(holder))
    except OSError:  # such as a full disk
        os.close(lock)
        raise
    return lock


def problem_with(folder: Path) -> str:
    """Why a new Valkey can't use `folder`, and what to do; empty if it can. Makes the folder if necessary."""
    try:
        os.close(lock_folder(folder))
    except FolderInUseError as error:
        return what_to_do(error, folder)
    except OSError as error:
        return f"VALKEY_DATA_DIR={folder} can't be written ({error.strerror}); choose another folder"
    return ""


def what_to_do(error: FolderInUseError, folder: Path) -> str:
    """The error as a sentence that also says how to start nevertheless."""
    return f"{error}; stop that one, or run `make run VALKEY_DATA_DIR={_other(folder)}`"


def is_locked(folder: Path) -> bool:
    """Whether a Valkey uses `folder`. Changes nothing."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not lock_descriptor(lock, blocking=False)
    finally:
        os.close(lock)


def _other(folder: Path) -> Path:
    """The name of a new folder beside `folder`."""
    return next(other for count in range(2, 1000) if not (other := folder.with_name(f"{folder.name}-{count}")).exists())
