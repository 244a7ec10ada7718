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
from typing import TextIO

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


def _open_lock(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / ".loading.lock").open("a")
    except OSError:  # a cache that others filled and we may only read
        return (Path(tempfile.gettempdir()) / f"ai-talk-{os.getuid()}.loading.lock").open("a")


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
