"""The errors that cross a process boundary. `common/grpc_errors.py` maps them to gRPC status codes.

    ServiceError
    ├── InvalidInputError     the caller's fault; the same request will fail again
    ├── SequenceError         messages in the wrong order
    ├── BusyError             no slot now; retry after `retry_after_s`
    ├── UnavailableError      loading, draining, or unreachable; retry
    ├── DeadlineError         took too long; retry
    └── EngineError           a model or its server failed, or its answer is useless

A bug raises none of these. It is logged with its traceback, and the client gets INTERNAL.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Something went wrong between a client and a model. Its message tells a person what to do.

    `message` says what happened, to what, and what to do next. `code` is a stable machine-readable name; `retryable`
    says whether the same request may succeed later.
    """

    code = "internal"
    retryable = False

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


class SequenceError(ServiceError):
    """A message arrived in the wrong order."""

    code = "out_of_sequence"


class BusyError(ServiceError):
    """Every slot is taken."""

    code = "busy"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(ServiceError):
    """The service is loading, draining or cannot be reached."""

    code = "unavailable"
    retryable = True


class DeadlineError(ServiceError):
    """The service took too long."""

    code = "timeout"
    retryable = True


class EngineError(ServiceError):
    """A model, or the server that runs it, failed, or its answer is useless."""

    code = "engine_failed"
    retryable = True


def sole_cause(error: BaseException) -> BaseException:
    """The one error that made a task group fail, or the group itself if there are several."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def first_service_error(group: BaseExceptionGroup[ServiceError]) -> ServiceError:
    """One error of a group that contains only ServiceErrors, for `except* ServiceError as group`."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ServiceError)  # noqa: S101
    return error
