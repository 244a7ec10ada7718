"""Whose turn is it? A pure state machine: events in, decisions out, no clock, no tasks.

    Listening ──eager──▶ Held ──end of turn──▶ Speaking ──finished──▶ Listening
        ▲                 │                        │
        └────resumed──────┘◀───────────────────────┘ speech, interrupt, a new turn: cancelled

A reply is started at the eager end of a turn and held; `Release` lets it out. `Cancel` ends it: silently if the learner
only paused, audibly (`interrupted`) if it had been released. After a Cancel nothing of that reply is performed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# --- events -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LearnerSpeaks:
    """Voice began, or went on after a pause."""


@dataclass(frozen=True, slots=True)
class LearnerPauses:
    """Probably done; `text` is what was said."""

    text: str


@dataclass(frozen=True, slots=True)
class LearnerEnds:
    """Done; `text` is what was said, or empty if there were no words."""

    text: str


@dataclass(frozen=True, slots=True)
class LearnerTypes:
    text: str


@dataclass(frozen=True, slots=True)
class LearnerInterrupts:
    """Asked for silence: by a button, by leaving, by ending the conversation."""


@dataclass(frozen=True, slots=True)
class ReplyEnds:
    """The reply was heard to its end, or failed."""

    turn_id: str


Event = LearnerSpeaks | LearnerPauses | LearnerEnds | LearnerTypes | LearnerInterrupts | ReplyEnds

# --- decisions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a reply to `text`; its output waits for Release."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Release:
    """The learner's turn is over: let the reply out."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the reply. `released`: the learner may have heard of it and is told that it was interrupted."""

    turn_id: str
    released: bool


Decision = Start | Release | Cancel

# --- states -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listening:
    """No reply is under way."""


@dataclass(frozen=True, slots=True)
class Held:
    """A reply to `text` is being made, unheard."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Speaking:
    """A reply is out: being thought of, spoken, or still sounding at the learner's."""

    turn_id: str


State = Listening | Held | Speaking


class TurnMachine:
    """Holds the state; `on` takes an event and returns what to do, in order."""

    def __init__(self, new_turn_id: Callable[[], str]) -> None:
        self.state: State = Listening()
        self._new_turn_id = new_turn_id

    def on(self, event: Event) -> list[Decision]:
        """What to do about `event`. Events that mean nothing now (a stale ReplyEnds, an echo) give no decision."""
        match event:
            case LearnerSpeaks() | LearnerInterrupts():
                return self._fall_silent()
            case LearnerPauses(text):
                return self._fall_silent() + (self._start(text) if text else [])
            case LearnerEnds(text):
                return self._end_of_turn(text)
            case LearnerTypes(text):
                return self._fall_silent() + self._start(text) + self._release()
            case ReplyEnds(turn_id):
                return self._reply_ends(turn_id)

    def _end_of_turn(self, text: str) -> list[Decision]:
        match self.state:
            case Held(_, held_text) if held_text == text:
                return self._release()
            case Speaking() if not text:
                return []
            case _:
                return self._fall_silent() + (self._start(text) + self._release() if text else [])

    def _start(self, text: str) -> list[Decision]:
        turn_id = self._new_turn_id()
        self.state = Held(turn_id, text)
        return [Start(turn_id, text)]

    def _release(self) -> list[Decision]:
        assert isinstance(self.state, Held)  # noqa: S101
        turn_id = self.state.turn_id
        self.state = Speaking(turn_id)
        return [Release(turn_id)]

    def _fall_silent(self) -> list[Decision]:
        state, self.state = self.state, Listening()
        match state:
            case Held(turn_id):
                return [Cancel(turn_id, released=False)]
            case Speaking(turn_id):
                return [Cancel(turn_id, released=True)]
            case _:
                return []

    def _reply_ends(self, turn_id: str) -> list[Decision]:
        if not isinstance(self.state, Listening) and self.state.turn_id == turn_id:
            self.state = Listening()
        return []
