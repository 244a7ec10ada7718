"""A stub whose calls carry the ids and the trace of the calling task.

It is not a gRPC interceptor, because grpc.aio would put a queue and a task around each stream that an interceptor
sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.tracing import calling


class TracedStub:
    """Has the methods of `stub`. Each call is a span of its own, and so is each retry."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._service = type(stub).__name__.removesuffix("Stub")

    def __getattr__(self, method: str) -> Callable[..., Any]:
        begin = getattr(self._stub, method)

        def call(*request: Any, **options: Any) -> Any:
            metadata, span = calling(f"{self._service}/{method}")
            made = begin(*request, metadata=metadata, **options)
            if span:
                made.add_done_callback(lambda _: span.end())
            return made

        return call
