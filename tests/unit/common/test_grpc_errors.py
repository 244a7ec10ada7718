"""The messages of failed calls: a learner sees sentences of our servers, and never gRPC's or Envoy's own words."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from common.errors import BusyError, DeadlineError, EngineError, InvalidInputError, ServiceError, UnavailableError
from common.grpc_errors import from_rpc_error, to_status
from gateway.clients.calls import write

CODE = grpc.StatusCode


def failed(code: grpc.StatusCode, details: str) -> ServiceError:
    nothing = grpc.aio.Metadata()
    return from_rpc_error(grpc.aio.AioRpcError(code, nothing, nothing, details), "LLM")


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (CODE.UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:58965: refused"),
        (CODE.UNAVAILABLE, "connections to all backends failing; last error: UNAVAILABLE: ipv4:127.0.0.1:58965"),
        (CODE.UNKNOWN, "Stream removed"),
        (CODE.UNAVAILABLE, "Socket closed"),
        (CODE.UNAVAILABLE, "ping timeout"),
        (CODE.INTERNAL, "Received RST_STREAM with error code 2"),
        (CODE.UNAVAILABLE, "DNS resolution failed for llm:50052"),
        # Envoy's own answers
        (CODE.UNKNOWN, "exceeded request buffer limit while retrying upstream"),
        (CODE.UNAVAILABLE, "no healthy upstream"),
        (CODE.UNAVAILABLE, "upstream connect error or disconnect/reset before headers. reset reason: overflow"),
    ],
)
def test_a_broken_connection_is_told_in_plain_words(code: grpc.StatusCode, details: str) -> None:
    error = failed(code, details)
    assert isinstance(error, UnavailableError)
    assert error.message == "LLM: the service can't be reached (is it restarting?); try again in a moment"


@pytest.mark.parametrize("text", ["no voice x", "x" * 100_000, "ä" * 100_000, "\U0001f600" * 50_000])
def test_a_status_fits_into_trailers(text: str) -> None:
    status = to_status(InvalidInputError(f"begin {text} end"))
    assert status.details.startswith("begin ")
    assert status.details.endswith(" end")
    assert 3 * len(status.details.encode()) + sum(len(value) for _, value in status.trailing_metadata) < 8192


def sent_by_us(error: ServiceError) -> grpc.aio.AioRpcError:
    """What a client gets if a handler of our servers raises `error`."""
    status = to_status(error)
    trailers = grpc.aio.Metadata(*status.trailing_metadata)
    return grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailers, status.details)


@pytest.mark.parametrize("message", ["the model is loading", "stream removed", "no voice ä", "x" * 100_000])
def test_a_services_own_message_is_passed_on(message: str) -> None:
    error = from_rpc_error(sent_by_us(UnavailableError(message)), "LLM")
    assert isinstance(error, UnavailableError)
    assert error.message.startswith(f"LLM: {message[:100]}")


def test_how_long_a_busy_service_asks_to_wait_is_passed_on() -> None:
    error = from_rpc_error(sent_by_us(BusyError("all 4 slots are taken", retry_after_s=2.5)), "LLM")
    assert isinstance(error, BusyError)
    assert (error.message, error.retry_after_s) == ("LLM: all 4 slots are taken", 2.5)


@pytest.mark.parametrize("code", [code for code in CODE if code is not CODE.OK])
@pytest.mark.parametrize(
    "text", ["Exception calling application: my secret", "Zxqv 10.0.0.7:50052 of a later gRPC", ""]
)
def test_any_other_text_is_replaced(code: grpc.StatusCode, text: str) -> None:
    message = failed(code, text).message
    assert message.startswith("LLM: the service ")
    assert not text or text not in message


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (CODE.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!", BusyError),
        (CODE.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)", InvalidInputError),
        (CODE.DEADLINE_EXCEEDED, "Deadline Exceeded", DeadlineError),
        (CODE.UNKNOWN, "Unexpected <class 'KeyError'>: 'what somebody said'", EngineError),
        (CODE.INTERNAL, "Internal error from Core", UnavailableError),
    ],
)
def test_the_kind_of_a_foreign_status(
    code: grpc.StatusCode, details: str, kind: type[ServiceError], caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(failed(code, details), kind)
    assert "somebody said" not in caplog.text


def test_a_status_that_contradicts_the_call_is_not_ours() -> None:
    ours = sent_by_us(UnavailableError("the model is loading"))
    changed = grpc.aio.AioRpcError(CODE.INTERNAL, grpc.aio.Metadata(), ours.trailing_metadata(), "zxqv")
    garbage = grpc.aio.AioRpcError(
        CODE.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(("grpc-status-details-bin", b"\xff")), "zxqv"
    )
    for error in (changed, garbage):
        assert "zxqv" not in from_rpc_error(error, "LLM").message


class _Ended:
    """A call that has ended with the status of `error`; grpc.aio refuses to write on it."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self._error = error

    async def write(self, _: object) -> None:
        raise asyncio.InvalidStateError

    async def code(self) -> grpc.StatusCode:
        return self._error.code()

    async def details(self) -> str | None:
        return self._error.details()

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return self._error.trailing_metadata()


async def test_a_message_on_a_call_that_has_ended_raises_the_services_own_message() -> None:
    with pytest.raises(BusyError, match="all 4 slots are taken") as raised:
        await write(_Ended(sent_by_us(BusyError("all 4 slots are taken", retry_after_s=2.5))), b"", "LLM")
    assert raised.value.retry_after_s == 2.5
