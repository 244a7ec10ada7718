"""Models on one machine load one after the other: each loading holds a lock between processes.

Loading takes more memory than the loaded model does. The file is in memory beside the weights, a download is checked,
and vLLM measures how much memory is free. Three models that load at once would need the sum of three peaks. The lock is
a file, which the kernel unlocks when its process ends for any reason.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import AsyncFileLock, Timeout

logger = logging.getLogger(__name__)

_POLL_S = 0.1


@asynccontextmanager
async def turn_to_load(folder: Path, label: str) -> AsyncIterator[None]:
    """Hold the loading lock of `folder` for the length of the block. label: the waiting service, for the log."""
    try:
        lock = await _acquire(folder / ".loading.lock", label)
    except OSError:  # the cache can only be read
        lock = await _acquire(Path(tempfile.gettempdir()) / f"ai-talk-{os.getuid()}.loading.lock", label)
    try:
        yield
    finally:
        await lock.release()


async def _acquire(path: Path, label: str) -> AsyncFileLock:
    # each attempt returns at once, so no thread outlives a cancellation
    lock = AsyncFileLock(path, run_in_executor=False)
    try:
        await lock.acquire(blocking=False)
    except Timeout:
        logger.info("%s waits: another model is being loaded on this machine", label)
        await lock.acquire(poll_interval=_POLL_S)
    return lock
