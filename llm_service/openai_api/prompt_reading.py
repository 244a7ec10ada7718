"""Has llama.cpp read a long prompt to its end although nobody waits for the reply any more.

llama.cpp stops reading when a request is cancelled. A later request uses the part that was read only if it is at least
half of the new prompt; otherwise llama.cpp reads the whole prompt again in another slot. So a learner with a long
history might never get a reply: each request is given up before its prompt is read.

given up after GIVEN_UP_S without a token ──► the prompt is read in the background
the same conversation again ──► waits for that ──► its prompt is in a slot
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from common.errors import ServiceError
from llm_service.engine import GenerationRequest, Message
from llm_service.metrics import PROMPTS_READ_ON

GIVEN_UP_S = 2.0  # a request given up sooner has read too little to be worth finishing
LONGEST_S = 120.0
MOST = 4  # llama.cpp's slots


class PromptReading:
    """The prompts that are read in the background. read: sends a request and awaits its end."""

    def __init__(self, read: Callable[[GenerationRequest], Awaitable[None]]) -> None:
        self._read = read
        self._tasks: dict[tuple[Message, ...], asyncio.Task[None]] = {}

    def go_on(self, request: GenerationRequest) -> None:
        """The request was given up before its first token: have its prompt read, unless too many are being read."""
        history = request.messages[:-1]
        if len(self._tasks) < MOST and not self._of(request):
            PROMPTS_READ_ON.inc()
            task = asyncio.create_task(self._have_read(replace(request, max_tokens=1)))
            self._tasks[history] = task
            task.add_done_callback(lambda _: self._tasks.pop(history, None))

    async def wait(self, request: GenerationRequest) -> None:
        """Wait until no prompt that this one continues is being read. Cancelling this doesn't stop the reading."""
        if task := self._of(request):
            await asyncio.wait({task})

    async def close(self) -> None:
        """Stop reading."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _of(self, request: GenerationRequest) -> asyncio.Task[None] | None:
        """The reading of a prompt with the same history, or with an earlier part of it."""
        found = (task for history, task in self._tasks.items() if request.messages[: len(history)] == history)
        return next(found, None)

    async def _have_read(self, request: GenerationRequest) -> None:
        with contextlib.suppress(ServiceError, TimeoutError):  # the next request reports what is wrong
            async with asyncio.timeout(LONGEST_S):
                await self._read(request)
