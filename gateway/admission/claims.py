"""What the claims of a JSON Web Token say, and why a token is refused, in words for its client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt

_TIMES = ("exp", "nbf", "iat")
_LATEST_S = 1e11  # in the year 5138; a present time in milliseconds is more than 17 times as large


class ClaimsError(jwt.InvalidTokenError):
    """The claims make no sense. The message names the claim, but does not quote its value."""


def subject_of(claims: Mapping[str, Any]) -> str:
    """The `sub` of verified claims. Some issuers write a number. Raises ClaimsError.

    A time in milliseconds is refused, since it would make a token valid for tens of thousands of years.
    """
    _check_unit(claims)
    subject = claims["sub"]
    if isinstance(subject, bool) or not isinstance(subject, str | int):
        raise ClaimsError("its `sub` has to be a text or a whole number")
    return str(subject)


def refusal(error: jwt.PyJWTError, token: str) -> str:
    """Why a token is refused, as a sentence for its client. token: the one whose check raised `error`."""
    match error:
        case jwt.ExpiredSignatureError():
            return "this token has expired; ask for another one"
        case jwt.ImmatureSignatureError():  # raised only if the signature is good, so the claims can be read unverified
            claims = jwt.decode(token, options={"verify_signature": False})
            try:
                _check_unit(claims)
            except ClaimsError as unit:
                return refusal(unit, token)
            wait_s = max(_seconds(claims.get(name)) for name in ("nbf", "iat")) - time.time()
            return (
                f"this token becomes valid in {wait_s:.0f} s; if that is wrong, set the clocks of its issuer and of "
                "this server"
            )
        case ClaimsError():
            return f"this token is not good here: {error}"
        case _:
            return f"this token is not good here ({type(error).__name__})"


def _check_unit(claims: Mapping[str, Any]) -> None:
    """Raises ClaimsError if a time is in milliseconds, as JavaScript's Date.now() gives it."""
    for name in _TIMES:
        if _seconds(claims.get(name)) > _LATEST_S:
            raise ClaimsError(f"its `{name}` is in milliseconds, but has to be in seconds (RFC 7519)")


def _seconds(claim: object) -> float:
    try:
        return float(claim)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0.0
