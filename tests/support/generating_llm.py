"""A base for language models of tests and benches that write documents only, as the analysis asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from gateway.ports import ChatMessage, WritingEnd
from gateway.tools import NO_TOOLS, CallPiece, ToolUse


class GeneratingLlm:
    """The half of the port `Llm` that the analysis does not use; a subclass adds `is_small` and `generate`."""

    is_idle = True

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        max_sentences: int = 0,
        ends_with_question: bool = False,
        tools: ToolUse = NO_TOOLS,
        on_end: Callable[[WritingEnd], None] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[str | CallPiece]]:
        raise NotImplementedError
