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
from gateway.admission.auth import UnauthorizedError
from gateway.admission.limits import TooMuchError
from gateway.openai_errors import error_body, http_status


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
