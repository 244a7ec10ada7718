"""Has llama.cpp read a prompt to its end although nobody waits for the reply any more.

If a request is cancelled while llama.cpp reads its prompt, the request keeps its slot for up to a second. If the same
conversation sends another request meanwhile, that prompt is read from the beginning, in another slot. Later, what the
first slot holds is used only if it is most of the next prompt. That is how the first turn of a conversation was read
four times, before this module existed. A learner with a long history might never have got a reply, because each request
might have been cancelled before its prompt had been read.

    cancelled before the first token ──► the request goes on until its first token, in the background
    the same conversation again      ──► waits for that token ──► its earlier prompt is in a slot
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from llm_service.engine import Event, GenerationRequest, Message
from llm_service.metrics import PROMPTS_READ_ON

LONGEST_S = 120.0
MOST = 4  # llama.cpp's slots


class OwnTask:
    """A reply that is read by a task of its own, so that it can go on without its caller. It starts at once."""

    def __init__(self, reply: AsyncGenerator[Event, None]) -> None:
        self.has_begun = asyncio.Event()
        """Set when the first event has come, or the reply has ended."""
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue(1)
        self._task = asyncio.create_task(self._read(reply))

    async def events(self) -> AsyncGenerator[Event, None]:
        """The reply's events. Raises what the reply raises."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    async def close(self) -> None:
        """Cancel the reply."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _read(self, reply: AsyncGenerator[Event, None]) -> None:
        end: Exception | None = None
        try:
            async with aclosing(reply):
                async for event in reply:
                    self.has_begun.set()
                    await self._events.put(event)
        except Exception as error:
            end = error  # `events` raises it in the caller's task
        finally:
            self.has_begun.set()
        await self._events.put(end)


class PromptReading:
    """The requests that go on in the background."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[Message, ...], asyncio.Task[None]] = {}

    def takes(self, request: GenerationRequest) -> bool:
        """Whether this request may go on after it was cancelled before its first event. It may not if MOST requests go
        on already, or one of the same conversation."""
        return len(self._tasks) < MOST and not self._of(request)

    def keep(self, request: GenerationRequest, reply: OwnTask) -> None:
        """Let the reply to `request` go on until its first event."""
        PROMPTS_READ_ON.inc()
        history = request.messages[:-1]
        self._tasks[history] = task = asyncio.create_task(_until_it_begins(reply))
        task.add_done_callback(lambda _: self._tasks.pop(history, None))

    async def wait(self, request: GenerationRequest) -> None:
        """Wait while an earlier part of this prompt is being read. Cancelling the wait doesn't stop the reading."""
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
        """The task that is reading a prompt with the same history, or with an earlier part of it."""
        found = (task for history, task in self._tasks.items() if request.messages[: len(history)] == history)
        return next(found, None)


async def _until_it_begins(reply: OwnTask) -> None:
    try:
        async with asyncio.timeout(LONGEST_S):
            await reply.has_begun.wait()
    except TimeoutError:
        pass
    finally:
        await reply.close()
