"""Translates our errors into gRPC statuses and back: `to_status` for servers, `from_rpc_error` for clients.

`to_status` adds a google.rpc.Status. So a client can tell the sentences of our servers from the texts of gRPC itself,
of a proxy, and of a bug. Such foreign texts have addresses and terms that mean nothing to a learner, so a sentence for
the status code replaces them.
"""

from __future__ import annotations

import logging
import re

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from common.errors import (
    BusyError,
    DeadlineError,
    EngineError,
    InvalidInputError,
    SequenceError,
    ServiceError,
    UnavailableError,
)

logger = logging.getLogger(__name__)

# gRPC sends a status in HTTP/2 trailers of at most 8 KiB. A longer status would be reported as RESOURCE_EXHAUSTED,
# without the message. The trailers contain the message twice, and a byte that isn't ASCII takes up to three bytes.
MAX_MESSAGE_BYTES = 1200

# grpcio's message if the server ends a call while the client writes a message. The server's own status is lost.
_LOST_STATUS = "Internal error from Core"

# What gRPC and Envoy say if a connection is broken. Another replica may answer the call, so it is retried.
_BROKEN = re.compile(
    r"failed to connect|connections to all backends|ipv[46]:|unix:|stream removed|socket closed|recvmsg|goaway"
    r"|rst_stream|keepalive|ping timeout|connection (?:reset|refused)|broken pipe|http2|dns resolution|name resolution"
    r"|no healthy upstream|retrying upstream|upstream connect error|upstream request timeout",
    re.IGNORECASE,
)
_TOO_LARGE = "larger than max"

_ERRORS: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInputError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInputError,
    grpc.StatusCode.FAILED_PRECONDITION: SequenceError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: BusyError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}

_PLAIN: dict[type[ServiceError], str] = {
    InvalidInputError: "the service refuses this request",
    SequenceError: "the service refuses this request",
    BusyError: "the service is busy; try again in a moment",
    UnavailableError: "the service can't be reached (is it restarting?); try again in a moment",
    DeadlineError: "the service took too long; try again",
    EngineError: "the service has failed; try again. If it happens again, the logs say why",
}
"""What a learner reads if the status has no sentence of our servers."""

_OF_CONNECTIONS = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
}

_STATUS: dict[type[ServiceError], grpc.StatusCode] = {
    InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    SequenceError: grpc.StatusCode.FAILED_PRECONDITION,
    BusyError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
    DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
    EngineError: grpc.StatusCode.INTERNAL,
}


def status_code(error: ServiceError) -> grpc.StatusCode:
    """The code of the nearest base class of `error` in the table; INTERNAL if there is none."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), grpc.StatusCode.INTERNAL)


def to_status(error: ServiceError) -> grpc.Status:
    """The status that reports `error` to a gRPC client, for `context.abort_with_status`."""
    details = []
    if isinstance(error, BusyError):
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after_s * 1000))
        packed = any_pb2.Any()
        packed.Pack(RetryInfo(retry_delay=delay))
        details.append(packed)
    number = code_pb2.Code.Value(status_code(error).name)
    return rpc_status.to_status(status_pb2.Status(code=number, message=_cut(error.message), details=details))


def _cut(message: str) -> str:
    """The message. If it has more than MAX_MESSAGE_BYTES of UTF-8, its middle is left out."""
    data = message.encode()
    if len(data) <= MAX_MESSAGE_BYTES:
        return message
    half = MAX_MESSAGE_BYTES // 2
    return f"{data[:half].decode(errors='ignore')} … {data[-half:].decode(errors='ignore')}"


def from_rpc_error(error: grpc.aio.AioRpcError, service: str) -> ServiceError:
    """The ServiceError for a failed call to `service` ("ASR", "LLM", "TTS"). Only a sentence of our own servers is
    passed on."""
    status = _status_of(error)
    if status is None:
        return _without_status(error, service)
    kind = _ERRORS.get(error.code(), EngineError)
    message = f"{service}: {status.message}"
    return BusyError(message, retry_after_s=_retry_delay_s(status)) if kind is BusyError else kind(message)


def _status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    """What `to_status` sent; None if the status comes from somebody else."""
    try:
        return rpc_status.from_call(error)  # type: ignore[arg-type]  # it has the same three methods
    except (ValueError, DecodeError):  # not ours: it contradicts the call's own status, or can't be read
        return None


def _without_status(error: grpc.aio.AioRpcError, service: str) -> ServiceError:
    """The ServiceError for a status of gRPC itself, of a proxy, or of a bug."""
    details, code = error.details() or "", error.code()
    if details == _LOST_STATUS:
        return UnavailableError(f"{service}: the service has ended the call (busy, or restarting?); try again")
    if _TOO_LARGE in details:
        return InvalidInputError(f"{service}: the message is too large; send less at once")
    is_broken = code in _OF_CONNECTIONS and _BROKEN.search(details)
    # UNKNOWN is also the code for an exception of a handler, whose text may quote what somebody said.
    is_quoted = code is grpc.StatusCode.UNKNOWN and not is_broken
    logger.warning("%s: %s: %s", service, code.name.lower(), "(in that service's log)" if is_quoted else details)
    kind = UnavailableError if is_broken else _ERRORS.get(code, EngineError)
    return kind(f"{service}: {_PLAIN[kind]}")


def _retry_delay_s(status: status_pb2.Status) -> float:
    for detail in status.details:
        info = RetryInfo()
        if detail.Unpack(info):
            return float(info.retry_delay.ToMilliseconds()) / 1000
    return 1.0
