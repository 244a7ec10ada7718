"""A Writer for a reply that needs no language model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.ports import WritingEnd, WritingRequest


@dataclass(frozen=True, slots=True)
class WrittenText:
    """Gives a text that is already written, in place of a language model."""

    text: str

    @asynccontextmanager
    async def stream(
        self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The text in one piece. The arguments have no effect."""
        del request, on_end
        yield self._pieces()

    async def _pieces(self) -> AsyncIterator[str]:
        yield self.text
