"""Errors in the shape of OpenAI's API."""

from __future__ import annotations

import httpx2
import openai
import pytest

from common.errors import (
    BusyError,
    DeadlineError,
    EngineError,
    InvalidInputError,
    SequenceError,
    ServiceError,
    UnavailableError,
)
from gateway.admission.authenticator import UnauthorizedError
from gateway.admission.limits import TooMuchError
from gateway.openai_common.errors import error_body, http_status
from tests.support.gateway import TestGateway


@pytest.mark.parametrize(
    ("error", "raised", "kind", "code"),
    [
        (InvalidInputError("bad"), openai.BadRequestError, "invalid_request_error", "invalid_input"),
        (SequenceError("late"), openai.BadRequestError, "invalid_request_error", "out_of_sequence"),
        (UnauthorizedError("who"), openai.AuthenticationError, "authentication_error", "invalid_api_key"),
        (TooMuchError("fast"), openai.RateLimitError, "rate_limit_error", "rate_limit_exceeded"),
        (BusyError("full"), openai.RateLimitError, "rate_limit_error", "rate_limit_exceeded"),
        (UnavailableError("away"), openai.InternalServerError, "server_error", "unavailable"),
        (DeadlineError("slow"), openai.InternalServerError, "server_error", "timeout"),
        (EngineError("garbage"), openai.InternalServerError, "server_error", "engine_failed"),
        (ServiceError("a bug"), openai.InternalServerError, "server_error", "internal"),
    ],
)
def test_the_official_client_reads_every_error(
    error: ServiceError, raised: type[openai.APIStatusError], kind: str, code: str
) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(http_status(error), json=error_body(error, param="voice"))

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = openai.OpenAI(api_key="-", base_url="http://here/v1", http_client=http, max_retries=0)
        with pytest.raises(raised, match=error.message) as caught:
            client.models.list()
    assert (caught.value.type, caught.value.code, caught.value.param) == (kind, code, "voice")


async def test_unknown_paths_are_reported_in_this_shape() -> None:
    gateway = TestGateway()
    async with gateway.running(), httpx2.AsyncClient(base_url=gateway.http, verify=False) as client:
        for path in ("/v1/unknown", "/v1/models/a%0Ab", "/v1/%0A"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url"), path
        outside = await client.get("/unknown")
        assert (outside.status_code, outside.json()) == (404, {"detail": "Not Found"})


async def test_the_document_lists_the_statuses_that_are_sent() -> None:
    gateway = TestGateway()
    async with gateway.running(), httpx2.AsyncClient(base_url=gateway.http, verify=False) as client:
        document = (await client.get("/v1/openapi.json")).json()
    sent = {http_status(kind("")) for kind in (InvalidInputError, UnauthorizedError, BusyError, EngineError)}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {str(status) for status in sent} < set(operation["responses"]), path
            assert "422" not in operation["responses"], path
            assert "Retry-After" in operation["responses"]["429"]["headers"], path
