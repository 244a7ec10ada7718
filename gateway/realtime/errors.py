"""What is wrong with a client's event, as an `error` event tells it."""

from __future__ import annotations

from common.errors import InvalidInputError


class ClientError(InvalidInputError):
    """An event that has no effect.

    param: the field that is at fault, as a path (`session.audio.input.format`). event_id: of the event, if it has one.
    """

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param
        self.event_id: str | None = None
