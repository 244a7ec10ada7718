"""The reasons for closing a connection, and the events by which a gateway ends or limits its sessions."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection is closed: the code and the reason of the WebSocket's close frame."""

    code: int
    reason: str


ENDED = Closing(1000, "the conversation has ended")
LEFT = Closing(1001, "the learner has left")
IDLE = Closing(4408, "nothing was said for a long time; connect again to carry on")
MOVING = Closing(1012, "this gateway ends; connect again to carry on")
EXPELLED = Closing(1008, "the client sent more than it may, or it needs a token")
FULL = Closing(1013, "all seats are taken; try again later")
BROKEN = Closing(1011, "a bug ended the session; it is in the gateway's log")
OUT_OF_TIME = Closing(4429, "today's time is used up; carry on tomorrow")
TAKEN_OVER = Closing(4409, "the session goes on over a newer connection")


@dataclass(frozen=True, slots=True)
class HandOver:
    """This gateway ends, so another one continues the session: after the current turn or, with at_once, now."""

    at_once: bool = False


@dataclass(frozen=True, slots=True)
class TimeRunsOut:
    """The learner has only this many seconds left today."""

    seconds: int


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The learner's time for today is used up: the session ends after the current turn or, with at_once, now.

    message: what the learner is told.
    """

    message: str
    at_once: bool = False


class TimeUsedUpError(ServiceError):
    """The client has conversed for as long as it may today."""

    code = "time_used_up"
