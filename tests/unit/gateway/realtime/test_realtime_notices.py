"""Which errors of a conversation a client of the Realtime API receives."""

from __future__ import annotations

import pytest

from gateway.protocol import ErrorMessage
from gateway.realtime.translator import reported


@pytest.mark.parametrize("code", ["slow", "not_saved"])
def test_a_notice_is_no_error(code: str) -> None:
    assert reported(ErrorMessage(message="wait a moment", code=code, retryable=True)) == []


def test_a_failure_is_an_error() -> None:
    (event,) = reported(ErrorMessage(message="say it again", code="engine_failed", retryable=True))
    assert event["type"] == "error"
    assert (event["error"]["code"], event["error"]["message"]) == ("engine_failed", "say it again")
