"""A base class for the language models of tests and benches that only write documents, as the analysis requests
them."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports import Pieces, WritingEnd, WritingRequest


class GeneratingLlm:
    """The methods of the port `Llm` that the analysis does not use. A subclass adds `is_small` and `generate`."""

    is_idle = True
    is_trained = False

    def stream(self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None) -> Pieces:
        raise NotImplementedError
