"""The error that an `error` event reports about a client's event."""

from __future__ import annotations

from common.errors import InvalidInputError


class ClientError(InvalidInputError):
    """The client's event is invalid and has no effect.

    param: the path of the wrong field (`session.audio.input.format`). event_id: the event's id, if it has one.
    """

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param
        self.event_id: str | None = None
