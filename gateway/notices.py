"""What a conversation tells of itself beside the messages of /ws/conversation: its turns and replies, as they go.

Another front door translates these into its own protocol. It asks for them with `Outbox(with_notices=True)`; they come
in order among the messages. Times are in seconds of the learner's audio since the connection began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.errors import ServiceError
from gateway.history import LearnerTurn


@dataclass(frozen=True, slots=True)
class VoiceBegan:
    """The learner began to speak, or goes on after a pause within the turn."""

    at_s: float


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The learner's turn is over. turn: as it is kept; None if there were no words, or only a sound ("mhm", a cough).

    failure: why it could not be recognised.
    """

    turn: LearnerTurn | None
    began_s: float = 0.0
    ended_s: float = 0.0
    failure: ServiceError | None = None


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """What the learner was saying is forgotten: recognition failed, or the client cleared its audio."""


@dataclass(frozen=True, slots=True)
class ReplyBegan:
    """A reply is let out. Its text and audio follow. request_id: of the request that it answers; empty: of a turn."""

    turn_id: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ReplySent:
    """All of a reply was sent, though not yet heard. failure: what ended its text early."""

    turn_id: str
    failure: ServiceError | None = None


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """A reply was heard to its end, was interrupted, or failed. heard_text: what the learner heard of it."""

    turn_id: str
    outcome: Literal["complete", "interrupted", "failed"]
    heard_text: str
    failure: ServiceError | None = None


Notice = VoiceBegan | TurnOver | TurnDropped | ReplyBegan | ReplySent | ReplyEnded
