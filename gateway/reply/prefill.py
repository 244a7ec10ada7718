"""Prefill: the model reads the prompt while the learner is still speaking, so that the reply begins sooner.

A model server keeps what it has read (the prefix cache of vLLM, the slots of llama.cpp). When the learner begins to
speak, the model reads the conversation so far, and then the learner's words as they are recognised. If the final words
differ, the cache is useful up to the first difference. Only an idle model is prefilled: otherwise prefill would slow
down other learners' replies more than it speeds up this one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from common.errors import ServiceError
from gateway import metrics
from gateway.ports import ChatMessage, Llm
from gateway.tools import NO_TOOLS, ToolUse

# A prompt that has only grown is read again only if it is this many words longer, because each reading also costs the
# tokens that the chat template adds at the end.
LEAST_MORE_WORDS = 4


class Prefill:
    """The prefill of one conversation: one prompt at a time, as a task that nobody waits for."""

    def __init__(self, llm: Llm, tasks: asyncio.TaskGroup) -> None:
        self._llm = llm
        self._tasks = tasks
        self._read: Sequence[ChatMessage] = ()
        self._task: asyncio.Task[None] | None = None

    def read(self, prompt: Sequence[ChatMessage], tools: ToolUse = NO_TOOLS) -> None:
        """Have the model read `prompt` and its tools, if the model is idle and has not read nearly all of it before."""
        if not (self._llm.is_idle and self._is_worth_it(prompt)):
            return
        self._read = prompt
        metrics.READ_AHEAD.inc()
        self._task = self._tasks.create_task(self._have_read(prompt, tools))

    def stop(self) -> None:
        """Stop reading: the model is needed for the reply itself, or the conversation is over."""
        if self._task:
            self._task.cancel()
            self._task = None

    def _is_worth_it(self, prompt: Sequence[ChatMessage]) -> bool:
        if list(prompt[:-1]) != list(self._read[:-1]):
            return True
        return _words(prompt) - _words(self._read) >= LEAST_MORE_WORDS

    async def _have_read(self, prompt: Sequence[ChatMessage], tools: ToolUse) -> None:
        with contextlib.suppress(ServiceError):  # if the model fails, the request of the reply itself reports it
            await self._llm.generate(prompt, max_tokens=1, tools=tools)


def _words(prompt: Sequence[ChatMessage]) -> int:
    """How many words the last message has."""
    return len(prompt[-1].content.split()) if prompt else 0
