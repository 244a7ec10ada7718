"""Claims of JSON Web Tokens as real issuers write them: fractions, milliseconds, texts and numbers, and clocks that
disagree."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from gateway.admission.authenticator import Authenticator, UnauthorizedError
from gateway.config import GatewaySettings

SECRET = "a secret of this test, which is long enough"
NOW = time.time()
NOW_MS = int(NOW * 1000)
LEEWAY_S = 7200.0  # minutes may pass between NOW and the test
AUTHENTICATOR = Authenticator(jwt_key=SECRET, jwt_algorithms=["HS256"], leeway_s=LEEWAY_S)


def subject(**claims: Any) -> str:
    """The subject that the gateway reads from a token with these claims. The token is signed by hand, because PyJWT's
    `encode` would correct some claims."""
    payload = json.dumps({"sub": "learner 7", "exp": NOW + 600} | claims).encode()
    token = jwt.api_jws.PyJWS().encode(payload, SECRET, "HS256")
    return AUTHENTICATOR.check(Headers({"authorization": f"Bearer {token}"}), "").subject


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 600.75, "iat": NOW - 0.25, "nbf": NOW - 0.5},
        {"exp": str(int(NOW) + 600), "iat": str(int(NOW))},
        {"exp": NOW - LEEWAY_S / 2},
        {"iat": NOW + LEEWAY_S / 2, "nbf": NOW + LEEWAY_S / 2},
        {"exp": 1e10},  # in the year 2286: "never", as some issuers write it
    ],
)
def test_times_are_read_as_issuers_write_them(claims: dict[str, Any]) -> None:
    assert subject(**claims) == "learner 7"


@pytest.mark.parametrize("ahead_s", [0, 1, 2, 5])
def test_an_issuer_whose_clock_is_some_seconds_ahead_is_understood_by_default(ahead_s: int) -> None:
    """Source: the case `jwt_iat.py` in docs/compatibility.md."""
    now = int(time.time())
    token = jwt.encode({"sub": "learner-1", "iat": now + ahead_s, "exp": now + 600}, SECRET, "HS256")
    authenticator = Authenticator.of(GatewaySettings(_env_file=None, jwt_secret=SecretStr(SECRET)))
    assert authenticator.check(Headers({"authorization": f"Bearer {token}"}), "").subject == "learner-1"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("offset_ms", [-3_600_000, 0, 3_600_000])
def test_milliseconds_are_refused_by_name(name: str, offset_ms: int) -> None:
    with pytest.raises(UnauthorizedError, match=f"its `{name}` is in milliseconds"):
        subject(**{name: NOW_MS + offset_ms})


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_of_a_clock_that_is_far_ahead_says_by_how_much(name: str) -> None:
    with pytest.raises(UnauthorizedError, match=r"valid in \d{5} s; .* clocks"):
        subject(**{name: NOW + 2 * LEEWAY_S})


def test_an_expired_token_is_told_so() -> None:
    with pytest.raises(UnauthorizedError, match="expired"):
        subject(exp=NOW - 2 * LEEWAY_S)


def test_a_subject_may_be_a_number() -> None:
    assert subject(sub=1234567890123) == "1234567890123"
    for wrong in (True, ["a"], {"id": 1}, 7.5):
        with pytest.raises(UnauthorizedError, match="`sub` has to be"):
            subject(sub=wrong)


@pytest.mark.parametrize("wrong", ["2027-01-01T00:00:00Z", "", float("inf"), float("nan"), [1], None])
def test_invalid_times_are_refused(wrong: object) -> None:
    with pytest.raises(UnauthorizedError, match="not good here"):
        subject(exp=wrong)
