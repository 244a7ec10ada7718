"""Decides how a conversation goes on over one connection after another. Pure: messages and closes in, decisions out.

opening ──connected──▶ ready                        a new conversation: `start` is sent
opening ──connected──▶ resuming ──resumed──▶ ready  with a session key: `start` asks for that conversation
any     ──close──▶ Retry(seconds) ──▶ opening       lost, or moved to another gateway
any     ──close──▶ raises                           refused, taken over, idle: no retry helps
ready   ──analysis, close 1000──▶ Over
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aitalk.client.errors import BusyError, ConversationOverError, RefusedError, UnauthorizedError
from aitalk.client.events import (
    AiText,
    Analysis,
    Connected,
    Error,
    Event,
    Queued,
    Reconnect,
    Resumed,
    SpeechStarted,
    SpeechStopped,
    Transcript,
)
from aitalk.client.options import Options, SessionKey

FIRST_WAIT_S, SHORT_WAIT_S, LONGEST_WAIT_S = 0.5, 1.0, 8.0
SHORT_WAITS = 20  # a gateway that is started again is back within seconds
GIVE_UP_AFTER = 25  # attempts in a row, about a minute
REASONS = {
    1009: "the client sent a message that is too large",
    4408: "nothing was said for a long time; resume the conversation when you are back",
    4409: "the conversation goes on over a newer connection",
}


class Phase(Enum):
    """Where the connection stands."""

    OPENING = auto()
    RESUMING = auto()
    READY = auto()
    MOVING = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Retry:
    """Connect again after this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Over:
    """The conversation has ended normally."""


class Link:
    """Decides what a connection's messages and its end mean for the conversation.

    key: what resumes the conversation, as soon as it is known. hearing: the learner is speaking. unanswered: what the
    learner typed last, until the reply begins; it is sent again over the next connection. ending: the learner has
    ended the conversation.
    """

    def __init__(self, url: str, options: Options, key: SessionKey | None, *, with_token: bool) -> None:
        self.phase = Phase.OPENING
        self.key = key
        self.hearing = False
        self.ending = False
        self.unanswered: str | None = None
        self._url = url
        self._options = options
        self._with_token = with_token
        self._place: str | None = None
        self._asked = False
        self._attempts = 0
        self._move_s = 0.0
        self._refusal: Error | None = None

    @property
    def ready(self) -> bool:
        """Whether messages of the learner may be sent now."""
        return self.phase is Phase.READY

    @property
    def query(self) -> Mapping[str, str]:
        """The query of the WebSocket's address: the client's place in the queue, if it has one."""
        return {"place": self._place} if self._place else {}

    def received(self, event: Event) -> list[str]:
        """Take a message of the gateway. Returns what to send now. Raises an error if the gateway refuses the token or
        the resume."""
        match event:
            case Queued(place=place):
                self._place = place
                return self._start() if self.key else []  # a seat may be kept for this conversation
            case Connected(session_id=session_id, resume_token=token):
                return self._connected(SessionKey(session_id, token))
            case Resumed():
                return self._become_ready()
            case Reconnect(delay_ms=delay_ms):
                self.phase, self._move_s = Phase.MOVING, delay_ms / 1000
            case SpeechStarted():
                self.hearing = True
            case SpeechStopped() | Transcript(is_final=True):
                self.hearing = False
            case AiText():
                self.unanswered = None
            case Analysis():
                self.phase = Phase.OVER
            case Error():
                self._failed(event)
            case _:
                pass
        return []

    def _connected(self, new: SessionKey) -> list[str]:
        self._place = None
        to_send = self._start()
        if self.phase is Phase.RESUMING:
            return to_send
        self.key = new
        return to_send + self._become_ready()

    def _start(self) -> list[str]:
        if self._asked:
            return []
        self._asked = True
        if self.key:
            self.phase = Phase.RESUMING
        return [json.dumps(self._options.message(self.key))]

    def _become_ready(self) -> list[str]:
        self.phase = Phase.READY
        self._attempts = 0
        typed = [encoded("text", text=self.unanswered)] if self.unanswered else []
        return typed + ([encoded("end_conversation")] if self.ending else [])

    def _failed(self, error: Error) -> None:
        self._refusal = error
        if error.code == "unauthorized":
            raise UnauthorizedError.at(self._url, with_token=self._with_token)
        if self.phase is Phase.RESUMING and not error.retryable:
            raise RefusedError(
                f"the conversation can't be resumed: {error.message}. Begin a new one, without its id.", code=error.code
            )

    @property
    def resume_failed(self) -> bool:
        """The gateway can't resume the conversation now. Close this connection and connect again."""
        return self.phase is Phase.RESUMING and self._refusal is not None

    def lost(self, code: int, reason: str) -> Retry | Over:
        """The connection has closed. code: 0 without a close frame. Raises the error if no retry helps."""
        moved = self.phase is Phase.MOVING
        if self.phase is Phase.OVER or (code == 1000 and self.ending):
            self.phase = Phase.OVER
            return Over()
        refusal, self._refusal = self._refusal, None
        self.phase, self._asked, self.hearing = Phase.OPENING, False, False
        if code == 1013:
            raise BusyError(f"{self._url} has no free seat: {_why(refusal, reason)}. Try again in a few minutes.")
        if code in (1000, 1002, 1003, 1007, 1008, 1009, 4408, 4409, 4429):
            why = REASONS.get(code) or f"the gateway ended the conversation: {_why(refusal, reason)}"
            raise ConversationOverError(why, code)
        self._attempts += 1
        if self._attempts > GIVE_UP_AFTER:
            raise ConversationOverError(f"{self._url} can't be reached any more: {_why(refusal, reason)}", code)
        if moved and self._attempts == 1:
            return Retry(self._move_s)
        longest_s = SHORT_WAIT_S if self._attempts <= SHORT_WAITS else LONGEST_WAIT_S
        wait_s = min(longest_s, FIRST_WAIT_S * 2 ** (self._attempts - 1))
        return Retry(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads the clients, no secret


def encoded(kind: str, **fields: Any) -> str:
    """A message of the client."""
    return json.dumps({"type": kind, **fields})


def _why(refusal: Error | None, reason: str) -> str:
    return refusal.message if refusal else reason or "it gave no reason"
