"""One interceptor for all three servers: until the model is warm, it refuses calls or lets them wait. It maps errors to
status codes, and records metrics and traces."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from opentelemetry.trace import Span, Status, StatusCode

from common.errors import ServiceError, UnavailableError, sole_cause
from common.grpc_errors import status_code, to_status
from common.metrics import CALL_SECONDS, CALLS
from common.tracing import serving

logger = logging.getLogger(__name__)

_HEALTH = "/grpc.health."
_WATCH = "/grpc.health.v1.Health/Watch"
_OPEN_BEFORE_READY = (_HEALTH, "/grpc.reflection.")


async def _refuse(_request: Any, context: Any) -> Any:
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED,
        "the service token is missing or wrong; set the same SERVICE_TOKEN at both ends",
    )


class ServiceInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler of the server.

    Health, reflection and Describe work at once. Until `ready` is set, every other call ends with UNAVAILABLE or, if
    the model is loaded on demand, waits: the first such call sets `wanted`, and all wait until `loading_over` is set. A
    ServiceError of a handler becomes its status code. Any other exception is a bug: it is logged with its traceback,
    and the client gets INTERNAL. admits: whether a call with this metadata may be served; health checks always may.
    """

    def __init__(self, admits: Callable[[Any], bool] = lambda _: True, *, on_demand: bool = False) -> None:
        self._admits = admits
        self.ready = False
        self.wanted = asyncio.Event()
        self.loading_over = asyncio.Event()
        self._on_demand = on_demand
        self._calls = _Calls()
        self._nobody_watches = asyncio.Event()

    async def wait_until_idle(self) -> None:
        """Return when no call is in progress. Health checks and reflection don't count."""
        await self._calls.idle.wait()

    def end_watches(self) -> None:
        """End the Watch calls of the health service, which otherwise last as long as the server."""
        self._nobody_watches.set()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Called by grpc.aio for each call, to get its handler."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if not method.startswith(_HEALTH) and not self._admits(handler_call_details.invocation_metadata):
            logger.warning("%s refused: SERVICE_TOKEN is missing or different", method)
            return grpc.unary_unary_rpc_method_handler(_refuse)
        if handler is not None and method == _WATCH:
            return grpc.unary_stream_rpc_method_handler(
                self._until_nobody_watches(handler.unary_stream),
                request_deserializer=handler.request_deserializer,
                response_serializer=handler.response_serializer,
            )
        if handler is None or method.startswith(_OPEN_BEFORE_READY):
            return handler
        kind, make = _shape(handler)
        return make(
            self._wrap(method, getattr(handler, kind)),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _until_nobody_watches(self, behaviour: Any) -> Callable[..., Any]:
        async def watch(request: Any, context: Any) -> None:
            watching = asyncio.ensure_future(behaviour(request, context))
            over = asyncio.ensure_future(self._nobody_watches.wait())
            try:
                await asyncio.wait({watching, over}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (watching, over):
                    task.cancel()
                await asyncio.gather(watching, over, return_exceptions=True)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping; watch another one")

        return watch

    def _wrap(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isasyncgenfunction(behaviour):

            async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
                with serving(_short(method), _metadata(context)) as span:
                    async with self._calls, _Watch(method, context, span):
                        await self._check_ready(method)
                        async with aclosing(behaviour(request, context)) as responses:
                            async for response in responses:
                                yield response

            return stream

        async def call(request: Any, context: Any) -> Any:
            with serving(_short(method), _metadata(context)) as span:
                async with self._calls, _Watch(method, context, span):
                    await self._check_ready(method)
                    return await behaviour(request, context)

        return call

    async def _check_ready(self, method: str) -> None:
        if self.ready or method.endswith("/Describe"):
            return
        self.wanted.set()
        if self._on_demand:
            await self.loading_over.wait()
        if not self.ready:
            raise UnavailableError("the model is still loading; try again in a few seconds")


class _Calls:
    """Counts the calls in progress; `idle` is set while there are none."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self._count = 0

    async def __aenter__(self) -> None:
        self._count += 1
        self.idle.clear()

    async def __aexit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self.idle.set()


class _Watch:
    """Counts and times one call, and turns an exception into the call's status."""

    def __init__(self, method: str, context: Any, span: Span) -> None:
        self.method = _short(method)
        self.context = context
        self.span = span

    async def __aenter__(self) -> None:
        self.began = time.monotonic()

    async def __aexit__(self, _kind: object, raised: BaseException | None, _tb: object) -> None:
        error = _cause(raised) if raised else None
        self._note(_code_of(error), time.monotonic() - self.began)
        match error:
            case asyncio.CancelledError() | GeneratorExit() | grpc.aio.AbortError() | grpc.aio.InternalError():
                if error is not raised:
                    raise error  # `raised` is a group, which gRPC would take for a bug and log
            case ServiceError():
                await self._abort(error)
            case Exception():
                logger.error("bug in %s", self.method, exc_info=error)
                await self.context.abort(grpc.StatusCode.INTERNAL, f"bug in {self.method}; see the server's log")

    def _note(self, code: str, seconds: float) -> None:
        CALL_SECONDS.labels(self.method).observe(seconds)
        CALLS.labels(self.method, code).inc()
        self.span.set_attribute("rpc.grpc.status", code)
        if code not in {"OK", "CANCELLED"}:
            self.span.set_status(Status(StatusCode.ERROR))
        logger.debug("%s: %s after %.3f s", self.method, code, seconds)

    async def _abort(self, error: ServiceError) -> NoReturn:
        logger.info("%s: %s (%s)", self.method, error.code, status_code(error).name)
        await self.context.abort_with_status(to_status(error))
        raise AssertionError("abort_with_status returned")


def _cause(error: BaseException) -> BaseException:
    """The one error that ended the call. The writes that fail because the client has left (InternalError) count as
    one error."""
    cause = sole_cause(error)
    if isinstance(cause, BaseExceptionGroup) and cause.split(grpc.aio.InternalError)[1] is None:
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
    return cause


def _short(method: str) -> str:
    """The method without its package: AsrService/Recognize."""
    return method.rpartition(".")[2]


def _metadata(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _code_of(error: BaseException | None) -> str:
    match error:
        case None:
            return "OK"
        case asyncio.CancelledError() | GeneratorExit() | grpc.aio.InternalError():
            return "CANCELLED"
        case ServiceError():
            return status_code(error).name
        case _:
            return "INTERNAL"


def _shape(handler: Any) -> tuple[str, Callable[..., grpc.RpcMethodHandler[Any, Any]]]:
    """The name of the handler's behaviour, which is one of four, and the function that makes such a handler."""
    shapes = {
        (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
        (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
        (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
        (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
    }
    return shapes[bool(handler.request_streaming), bool(handler.response_streaming)]
