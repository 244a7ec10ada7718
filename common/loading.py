"""Models on one machine load one after the other: a process holds a lock while it loads.

Loading takes more memory than the loaded model does, for example because the file is in memory beside the weights, or
a download is checked. Three models that load at once would need the sum of three peaks. vLLM also measures how much
GPU memory is free, and would claim memory that another service is about to use. The lock is a file, which the kernel
unlocks when the process that holds it ends for any reason.
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
    # Each attempt returns at once, so it needs no thread (run_in_executor), which would outlive a cancellation.
    lock = AsyncFileLock(path, run_in_executor=False)
    try:
        await lock.acquire(blocking=False)
    except Timeout:
        logger.info("%s waits: another model is being loaded on this machine", label)
        await lock.acquire(poll_interval=_POLL_S)
    return lock
