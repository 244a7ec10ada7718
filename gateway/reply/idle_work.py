"""Lets the language model work for a conversation while the partner speaks and no learner waits for the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.ports import Llm

# How often to check whether the model is idle.
IDLE_POLL_S = 0.25

Job = Callable[[], Awaitable[None]]


class IdleWork:
    """Each `begin` runs all `jobs`, one after the other. So an interrupted job runs again at the next `begin`."""

    def __init__(self, tasks: asyncio.TaskGroup, jobs: Sequence[Job]) -> None:
        self._tasks = tasks
        self._jobs = jobs
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """A reply has been sent and is being heard."""
        self.stop()
        self._task = self._tasks.create_task(self._run())

    def stop(self) -> None:
        """Stop the work, because the model is needed."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        for job in self._jobs:
            await job()


async def until_idle(llm: Llm) -> None:
    """Wait until no learner needs the model."""
    while not llm.is_idle:  # noqa: ASYNC110
        await asyncio.sleep(IDLE_POLL_S)
