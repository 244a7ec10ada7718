"""A base for language models of tests and benches that write documents only, as the analysis asks for them."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports import Pieces, WritingEnd, WritingRequest


class GeneratingLlm:
    """The half of the port `Llm` that the analysis does not use; a subclass adds `is_small` and `generate`."""

    is_idle = True
    is_trained = False

    def stream(self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None) -> Pieces:
        raise NotImplementedError
