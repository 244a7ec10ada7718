"""A base class for language models in tests and benches. These models only write the documents that the analysis
requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.ports import ChatMessage, Pieces, Rewriting, WritingEnd, WritingRequest


class GeneratingLlm:
    """The methods of the port `Llm` that the analysis does not use. A subclass adds `is_small` and `generate`."""

    is_idle = True

    is_trained = False

    @property
    def is_trained_to_correct(self) -> bool:
        return False

    async def rewrite(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Rewriting:
        raise NotImplementedError

    def stream(self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None) -> Pieces:
        raise NotImplementedError
