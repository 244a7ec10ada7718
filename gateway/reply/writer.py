"""The sources of a reply's text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from gateway.ports import ChatMessage, WritingEnd
from gateway.tools import NO_TOOLS, CallPiece, ToolUse


class Writer(Protocol):
    """Writes a reply: the language model (`Llm` is one), or `WrittenText`."""

    def stream(
        self,
        messages: Sequence[ChatMessage],
        /,
        *,
        max_tokens: int | None = None,
        max_sentences: int = 0,
        ends_with_question: bool = False,
        tools: ToolUse = NO_TOOLS,
        on_end: Callable[[WritingEnd], None] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[str | CallPiece]]:
        """The reply's text in pieces, and the calls of tools. Raises ServiceError, also while the pieces are read."""
        ...


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text that is already written, in place of a language model."""

    text: str

    @asynccontextmanager
    async def stream(
        self,
        _messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        max_sentences: int = 0,
        ends_with_question: bool = False,
        tools: ToolUse = NO_TOOLS,
        on_end: Callable[[WritingEnd], None] | None = None,
    ) -> AsyncIterator[AsyncIterator[str | CallPiece]]:
        """The text in one piece. The arguments have no effect."""
        del max_tokens, max_sentences, ends_with_question, tools, on_end
        yield self._pieces()

    async def _pieces(self) -> AsyncIterator[str]:
        yield self.text
