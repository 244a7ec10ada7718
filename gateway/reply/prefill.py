"""The model reads while the learner still speaks, so that there is little left to read when the reply is asked for.

A model server keeps what it has read (the prefix cache of vLLM, the slots of llama.cpp). The conversation so far is
read when the learner begins, their words as recognition understands them. Where it understands otherwise in the end,
what was read counts up to there. Only a model that is idle reads ahead: beside the replies to others it would slow them
more than it speeds up this one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from common.errors import ServiceError
from gateway import metrics
from gateway.ports import ChatMessage, Llm

# With each prompt its end is read too, the template's words between the learner's and the reply's: not for every word.
LEAST_MORE_WORDS = 4


class Prefill:
    """For one conversation, one prompt at a time; in `tasks`, so that nobody waits for it."""

    def __init__(self, llm: Llm, tasks: asyncio.TaskGroup) -> None:
        self._llm = llm
        self._tasks = tasks
        self._read: Sequence[ChatMessage] = ()
        self._task: asyncio.Task[None] | None = None

    def read(self, prompt: Sequence[ChatMessage]) -> None:
        """Have `prompt` read if the model has nothing else to do, unless that is hardly more than was read before."""
        if not (self._llm.is_idle and self._is_worth_it(prompt)):
            return
        self._read = prompt
        metrics.READ_AHEAD.inc()
        self._task = self._tasks.create_task(self._have_read(prompt))

    def stop(self) -> None:
        """The reply is asked for, or nobody needs one."""
        if self._task:
            self._task.cancel()
            self._task = None

    def _is_worth_it(self, prompt: Sequence[ChatMessage]) -> bool:
        if list(prompt[:-1]) != list(self._read[:-1]):
            return True
        return _words(prompt) - _words(self._read) >= LEAST_MORE_WORDS

    async def _have_read(self, prompt: Sequence[ChatMessage]) -> None:
        with contextlib.suppress(ServiceError):  # the reply itself will say what is wrong
            await self._llm.generate(prompt, max_tokens=1)


def _words(prompt: Sequence[ChatMessage]) -> int:
    """Of the last message."""
    return len(prompt[-1].content.split()) if prompt else 0
