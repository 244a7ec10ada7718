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
    """`threads` calls run at once; of the others, the one that is due first is next."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._asked = 0
        self._numbers = itertools.count()  # of two that are due at once, the first to come is next
        self._waiting: PriorityQueue[tuple[float, int, Future[Any], Callable[[], Any]]] = PriorityQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tts")

    async def run(self, call: Callable[[], T], *, due_s: float | None = None) -> T:
        """What `call` returns or raises. due_s: when that is needed, in time.monotonic(); None: now.

        When cancelled, a call not yet begun never begins, and one that runs is waited for, so that whoever holds a slot
        holds it until the thread is really free.
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
                waiter.exception()  # seen; nobody is left to be told
            raise
        finally:
            self._note(-1)

    def _run_next(self) -> None:
        """In a thread, once for each call that was asked for."""
        *_, future, call = self._waiting.get_nowait()
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # whoever waits for it is told
            future.set_exception(error)
        else:
            future.set_result(result)

    def _note(self, more: int) -> None:
        self._asked += more
        BACKLOG.set(max(0, self._asked - self._threads))

    async def close(self) -> None:
        """Wait for the calls that run; those that wait are cancelled."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        while not self._waiting.empty():
            self._waiting.get_nowait()[2].cancel()
