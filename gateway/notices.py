"""Notices of a conversation about its turns and replies, in addition to the messages of /ws/conversation.

OpenAI's Realtime API (`gateway.realtime`) translates them into its own protocol. It requests them with
`Outbox(with_notices=True)`, and they come in order among the messages. Times are in seconds of the learner's audio
since the connection began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.errors import ServiceError
from gateway.history import LearnerTurn
from gateway.ports import WritingEnd
from gateway.tools import CallPiece


@dataclass(frozen=True, slots=True)
class VoiceBegan:
    """The learner began to speak, or goes on after a pause within the turn. turn_id: the id that the turn will have if
    it is kept."""

    turn_id: str
    at_s: float


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """The words of the open turn that recognition is sure of. Within a turn, `text` only grows."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The learner's turn is over. turn: as in the history; None if there were no words, or only a sound ("mhm", a
    cough, an echo of the partner).

    turn_id: set even if the turn is not kept. failure: why the turn could not be recognised.
    """

    turn_id: str
    turn: LearnerTurn | None
    began_s: float = 0.0
    ended_s: float = 0.0
    failure: ServiceError | None = None


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """The learner's open turn is dropped: recognition failed, or the client cleared its audio."""


@dataclass(frozen=True, slots=True)
class ReplyBegan:
    """A reply is released. Its text and audio follow. request_id: the client's request that it answers;
    empty: no client requested it."""

    turn_id: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class CallWritten:
    """A piece of a call that ends a reply. The client runs the tool."""

    turn_id: str
    piece: CallPiece


@dataclass(frozen=True, slots=True)
class ReplySent:
    """All of a reply was sent; the learner may not have heard all of it yet.

    failure: the error that ended its text early. end: how the model ended the text; None if no model wrote it.
    """

    turn_id: str
    failure: ServiceError | None = None
    end: WritingEnd | None = None


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The learner has heard all of a reply, or it was interrupted or failed. heard_text: the part that the learner
    heard."""

    turn_id: str
    outcome: Literal["complete", "interrupted", "failed"]
    heard_text: str
    failure: ServiceError | None = None


@dataclass(frozen=True, slots=True)
class TurnTruncated:
    """A turn of the partner was cut where the client stopped playing it. text: the remaining text."""

    turn_id: str
    text: str


Notice = (
    VoiceBegan | WordsHeard | TurnOver | TurnDropped | ReplyBegan | CallWritten | ReplySent | ReplyEnded | TurnTruncated
)
