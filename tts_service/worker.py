"""Runs blocking synthesis in threads, away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tts_service.metrics import BACKLOG

T = TypeVar("T")


class Worker:
    """`threads` calls run at once; others wait their turn, in order."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._asked = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tts")

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises.

        When cancelled, a call not yet begun never begins, and one that runs is waited for, so that whoever holds a slot
        holds it until the thread is really free.
        """
        self._note(+1)
        future = self._pool.submit(call)
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            if not future.cancel():
                await asyncio.wait({waiter})
                waiter.exception()  # seen; nobody is left to be told
            raise
        finally:
            self._note(-1)

    def _note(self, more: int) -> None:
        self._asked += more
        BACKLOG.set(max(0, self._asked - self._threads))

    async def close(self) -> None:
        """Wait for the calls that run."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
