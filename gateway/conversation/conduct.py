"""The events of a client that leads a conversation itself: they set turn-taking, change the history and request
replies.

OpenAI's Realtime API (`gateway.realtime`) posts them to the session's inbox, where the messages of /ws/conversation go,
too.
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

    detects_turns: recognition finds the ends of turns; otherwise the client marks them by `AudioInput.cut`.
    answers_turns: the partner answers each turn; otherwise it only answers requests. is_interruptible: the learner's
    voice interrupts the partner. patience: used instead of the patience that follows from the level and the learner.
    awaits_results: a reply that calls the client's tools waits for their results and goes on; otherwise the reply ends
    with the calls, and the client requests the next reply.
    """

    detects_turns: bool = True
    answers_turns: bool = True
    is_interruptible: bool = True
    patience: Patience | None = None
    awaits_results: bool = True
    delivery: Delivery = field(default_factory=Delivery)


@dataclass(frozen=True, slots=True)
class Configure:
    """From now on, use `conduct`. changes: new values for fields of SessionState."""

    conduct: Conduct
    changes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AddTurn:
    """Put a turn into the history, without a reply to it. after: the id of the turn that it follows; None: it comes
    first. is_last: it comes after all others, whatever `after` says."""

    turn: Turn
    after: str | None = None
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class DeleteTurn:
    """Remove a turn from the history."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class TruncateTurn:
    """Shorten a partner's turn to the part that the learner has heard. A turn still being spoken is interrupted."""

    turn_id: str
    heard_ms: float


@dataclass(frozen=True, slots=True)
class SetResult:
    """Set the result of the call with this id. None: the call has no result any more."""

    call_id: str
    output: str | None


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Cancel the aside with this request id. Empty: cancel the current reply."""

    request_id: str = ""


ConductEvent = Configure | AddTurn | DeleteTurn | TruncateTurn | SetResult | CancelReply | ReplyRequest
