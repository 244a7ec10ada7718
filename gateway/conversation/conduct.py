"""How a client leads a conversation itself: how turns are taken, what has been said, and when the partner answers.

These are events of the session's inbox, as the messages of /ws/conversation are. Another front door posts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.history import Turn
from gateway.ports import Patience
from gateway.reply.request import Delivery, ReplyRequest


@dataclass(frozen=True, slots=True)
class Conduct:
    """How turns are taken and replies are made. The defaults are those of /ws/conversation.

    detects_turns: recognition finds the ends of turns; otherwise the client does, by `AudioInput.cut`. answers_turns:
    the partner answers each turn; otherwise it only answers requests. is_interruptible: the learner's voice interrupts
    the partner. patience: in place of the learner's and the level's.
    """

    detects_turns: bool = True
    answers_turns: bool = True
    is_interruptible: bool = True
    patience: Patience | None = None
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(frozen=True, slots=True)
class Configure:
    """From now on, `conduct` applies, and these fields of SessionState have these values."""

    conduct: Conduct
    changes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AddTurn:
    """Put a turn into the history, without a reply to it. after: the id of the turn before it; None: it is the first.

    is_last: it comes behind all others, whatever `after` says.
    """

    turn: Turn
    after: str | None = None
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class DeleteTurn:
    """Remove a turn from the history."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class TruncateTurn:
    """The learner has heard a turn of the partner's only up to here. If it is still under way, it is interrupted."""

    turn_id: str
    heard_ms: float


@dataclass(frozen=True, slots=True)
class CancelReply:
    """End the aside with this request id; empty: the reply that is under way."""

    request_id: str = ""


ConductEvent = Configure | AddTurn | DeleteTurn | TruncateTurn | CancelReply | ReplyRequest
