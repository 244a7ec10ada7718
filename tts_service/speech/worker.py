"""Runs blocking synthesis in threads, away from the event loop."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import PriorityQueue
from typing import Any, TypeVar

from tts_service.metrics import BACKLOG

T = TypeVar("T")


class Worker:
    """Runs up to `threads` calls at once. Of the waiting calls, the one that is due first runs next."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._asked = 0
        self._numbers = itertools.count()  # if two calls are due at the same time, the first to arrive runs first
        self._waiting: PriorityQueue[tuple[float, int, Future[Any], Callable[[], Any]]] = PriorityQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tts")

    async def run(self, call: Callable[[], T], *, due_s: float | None = None) -> T:
        """Run `call` in a thread. Returns its result or raises its error.

        due_s: when the result is needed, in time.monotonic(); None: now.

        If the caller is cancelled before `call` has begun, `call` never runs. A caller that is cancelled later still
        waits until `call` ends, and so keeps its slot until the thread is free.
        """
        self._note(+1)
        future: Future[T] = Future()
        self._waiting.put((time.monotonic() if due_s is None else due_s, next(self._numbers), future, call))
        self._pool.submit(self._run_next)
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            if not future.cancel():
                await asyncio.wait({waiter})
                waiter.exception()  # mark the error as seen, because nobody is left to handle it
            raise
        finally:
            self._note(-1)

    def _run_next(self) -> None:
        """Runs in a thread, once for each call."""
        *_, future, call = self._waiting.get_nowait()
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # raised where the result is awaited
            future.set_exception(error)
        else:
            future.set_result(result)

    def _note(self, more: int) -> None:
        self._asked += more
        BACKLOG.set(max(0, self._asked - self._threads))

    async def close(self) -> None:
        """Cancel the waiting calls, and wait for the running ones."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        while not self._waiting.empty():
            self._waiting.get_nowait()[2].cancel()
