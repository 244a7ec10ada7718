"""The tree of errors that cross a process boundary, and the one table between them and gRPC status codes.

    ServiceError
    ├── InvalidInputError     the caller's fault; the same request will fail again
    ├── SequenceError         messages in the wrong order
    ├── BusyError             no slot now; retry after `retry_after_s`
    ├── UnavailableError      loading, draining, or away; retry
    ├── DeadlineError         took too long; retry
    └── EngineError           a model or its server failed or answered garbage

A bug is none of these: it propagates, is logged with its traceback, and reaches a client as INTERNAL.
"""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status


class ServiceError(Exception):
    """Something between a client and a model went wrong, in words that a person can act on.

    `message` says what happened, to what, and what to do next. `code` is a stable machine-readable name; `retryable`
    says whether the same request may succeed later.
    """

    code = "internal"
    retryable = False
    status = grpc.StatusCode.INTERNAL

    def __init__(self, message: str, *, code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable


class InvalidInputError(ServiceError):
    """The request itself is wrong."""

    code = "invalid_input"
    status = grpc.StatusCode.INVALID_ARGUMENT


class SequenceError(ServiceError):
    """A message came where another had to come."""

    code = "out_of_sequence"
    status = grpc.StatusCode.FAILED_PRECONDITION


class BusyError(ServiceError):
    """Every slot is taken."""

    code = "busy"
    retryable = True
    status = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(ServiceError):
    """The service is loading, draining or cannot be reached."""

    code = "unavailable"
    retryable = True
    status = grpc.StatusCode.UNAVAILABLE


class DeadlineError(ServiceError):
    """The service took too long."""

    code = "timeout"
    retryable = True
    status = grpc.StatusCode.DEADLINE_EXCEEDED


class EngineError(ServiceError):
    """A model, or the server that runs it, failed or answered garbage."""

    code = "engine_failed"
    retryable = True
    status = grpc.StatusCode.INTERNAL


# What grpcio says of a call that the server ended while a message was being written: the server's own status is lost.
_LOST_STATUS = "Internal error from Core"

_BY_STATUS: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInputError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInputError,
    grpc.StatusCode.FAILED_PRECONDITION: SequenceError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: BusyError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}


def sole_cause(error: BaseException) -> BaseException:
    """The one reason for which a task group failed; the group itself if there are several."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def first_service_error(group: BaseExceptionGroup[ServiceError]) -> ServiceError:
    """One error out of a group that holds nothing else, for `except* ServiceError as group`."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ServiceError)  # noqa: S101
    return error


def to_status(error: ServiceError) -> grpc.Status:
    """The status that tells a gRPC client of `error`, for `context.abort_with_status`."""
    details = []
    if isinstance(error, BusyError):
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after_s * 1000))
        packed = any_pb2.Any()
        packed.Pack(RetryInfo(retry_delay=delay))
        details.append(packed)
    number = code_pb2.Code.Value(error.status.name)
    return rpc_status.to_status(status_pb2.Status(code=number, message=error.message, details=details))


def from_rpc_error(error: grpc.aio.AioRpcError, service: str) -> ServiceError:
    """The error that a failed call to `service` ("ASR", "LLM", "TTS") stands for."""
    if error.details() == _LOST_STATUS:
        return UnavailableError(f"{service}: the service has ended the call (busy, or restarting?); try again")
    kind = _BY_STATUS.get(error.code(), EngineError)
    message = f"{service}: {error.details() or error.code().name.lower()}"
    if kind is BusyError:
        return BusyError(message, retry_after_s=_retry_delay_s(error))
    return kind(message)


def _retry_delay_s(error: grpc.aio.AioRpcError) -> float:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it has the same three methods
    for detail in status.details if status else ():
        info = RetryInfo()
        if detail.Unpack(info):
            return float(info.retry_delay.ToMilliseconds()) / 1000
    return 1.0
