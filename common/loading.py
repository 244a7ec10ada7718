"""One model after the other on one machine: a lock between processes around each one's loading.

Loading takes more memory than the model does (the file beside the weights, the download's check, vLLM's measurement of
what is free), so three at once need the sum of three peaks. The lock is a file: it is let go when its process dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_POLL_S = 0.1


@asynccontextmanager
async def turn_to_load(folder: Path, label: str) -> AsyncIterator[None]:
    """Wait until no other process that uses `folder` is in this block. label: who waits, for the log."""
    with _open_lock(folder) as lock:
        said = False
        while not _try(lock.fileno()):
            if not said:
                said = True
                logger.info("%s waits: another model is being loaded on this machine", label)
            await asyncio.sleep(_POLL_S)  # flock itself would block a thread that no cancel ends
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


def _open_lock(folder: Path) -> _Lock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _Lock(folder / ".loading.lock")
    except OSError:  # a cache that others filled and we may only read
        return _Lock(Path(tempfile.gettempdir()) / f"ai-talk-{os.getuid()}.loading.lock")


class _Lock:
    """An open file to lock."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
