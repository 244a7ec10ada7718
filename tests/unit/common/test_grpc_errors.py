"""The error messages of failed calls: a learner never sees gRPC's or Envoy's own words about connections."""

from __future__ import annotations

import grpc
import pytest

from common.errors import BusyError, InvalidInputError, ServiceError, UnavailableError
from common.grpc_errors import from_rpc_error, to_status

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


def test_a_services_own_message_is_passed_on() -> None:
    assert failed(CODE.UNAVAILABLE, "the model is loading").message == "LLM: the model is loading"
    assert isinstance(failed(CODE.RESOURCE_EXHAUSTED, "all 4 slots are taken"), BusyError)
    assert isinstance(failed(CODE.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)"), InvalidInputError)
