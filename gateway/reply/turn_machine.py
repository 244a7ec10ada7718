"""Decides whose turn it is. A pure state machine: events in, decisions out, no clock, no tasks.

    Listening ──pause──▶ Held ──end of turn──▶ Speaking ──heard to its end──▶ Listening
        ▲                 │                     │    ▲
        └────goes on──────┘          a sound ▼    │ it was only a sound ("mhm", a cough)
                                               Hushed
                                                  │ goes on, or says words: cancelled
                                                  ▼
                                                Cut ──it had no words after all──▶ Speaking, with the rest of the reply

When the learner pauses, a reply begins and is held. `Release` sends it. `Hush` stops its speech at the first sound
of the learner, and `Unhush` continues the speech. `Cancel` ends the reply: silently if it was held, with the message
`interrupted` if it was released. After a reply's Cancel, the machine decides nothing more about it.

In the state Listening, the partner may also begin without a turn of the learner: to open the conversation, to offer
help, or because the client requests a reply. Such a reply is released at once. An offer ends at the learner's first
sound if none of it has been heard yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# --- events -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LearnerSpeaks:
    """The voice began, or went on after a pause. over_partner: audio of the partner's reply had already been sent."""

    over_partner: bool = True


@dataclass(frozen=True, slots=True)
class LearnerBargesIn:
    """The voice is more than a short sound: it has lasted for a while, or contains words that are no backchannel."""


@dataclass(frozen=True, slots=True)
class LearnerPauses:
    """The learner is probably done. text: the learner's words.

    is_sound: the words were spoken over the partner's voice and are not a turn ("mhm", a cough, an echo).
    """

    text: str
    is_sound: bool = False


@dataclass(frozen=True, slots=True)
class LearnerEnds:
    """The learner is done. text: the learner's words; empty if there were none. is_sound: as in LearnerPauses."""

    text: str
    is_sound: bool = False


@dataclass(frozen=True, slots=True)
class LearnerTypes:
    """The learner has sent a typed turn."""

    text: str


@dataclass(frozen=True, slots=True)
class LearnerInterrupts:
    """The learner or the client stops the partner, or the conversation ends."""


@dataclass(frozen=True, slots=True)
class TurnLost:
    """Recognition failed: what the learner was saying is lost."""


@dataclass(frozen=True, slots=True)
class PartnerBegins:
    """The partner begins by itself, or because the client requests a reply.

    text: its words; empty: the model writes them. is_offer: an offer of help, which the learner may not need.
    """

    text: str
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class ReplyEnds:
    """The learner has heard all of the reply, or it failed."""

    turn_id: str


Event = (
    LearnerSpeaks
    | LearnerBargesIn
    | LearnerPauses
    | LearnerEnds
    | LearnerTypes
    | LearnerInterrupts
    | TurnLost
    | PartnerBegins
    | ReplyEnds
)

# --- decisions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a reply to `text`, which is empty after PartnerBegins. Its output waits for Release."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """Begin a reply that says `text`. Its output waits for Release."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Continue:
    """Begin a reply that says the unheard rest of the reply `cut_id`. Its output waits for Release."""

    turn_id: str
    cut_id: str


@dataclass(frozen=True, slots=True)
class Release:
    """Send the reply: the learner's turn is over, or there was none."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class Hush:
    """Send no more of the reply's speech for now, because the learner makes a sound."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class Unhush:
    """Continue the reply's speech, because the learner made only a sound, or recognition failed."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the reply. released: the learner may have heard some of it, and is told that it was interrupted."""

    turn_id: str
    released: bool


Decision = Begin | Say | Continue | Release | Hush | Unhush | Cancel

# --- states -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listening:
    """No reply is under way."""


@dataclass(frozen=True, slots=True)
class Held:
    """A reply to `text` is being made, and nothing of it is sent yet."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Speaking:
    """The reply has been released: it is being written, spoken, or still played to the learner. is_offer: see
    PartnerBegins."""

    turn_id: str
    is_offer: bool = False


@dataclass(frozen=True, slots=True)
class Hushed:
    """The reply has been released, but its audio is stopped until it is known whether the learner's sound is a turn."""

    turn_id: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The reply `turn_id` was interrupted by a voice whose words are not known yet. has_rest: part of it was not
    heard."""

    turn_id: str
    has_rest: bool = True


State = Listening | Held | Speaking | Hushed | Cut


class TurnMachine:
    """Holds the state; `on` takes an event and returns the decisions, in order."""

    def __init__(self, new_turn_id: Callable[[], str]) -> None:
        self.state: State = Listening()
        self._new_turn_id = new_turn_id

    def on(self, event: Event) -> list[Decision]:
        """The decisions after `event`; none if it only changes the state (ReplyEnds), or means nothing in the present
        state (a sound while the partner speaks on)."""
        match event:
            case LearnerSpeaks(over_partner):
                return self._voice(over_partner=over_partner)
            case LearnerBargesIn():
                return self._barge_in()
            case LearnerPauses(text, is_sound):
                return self._pause(text, is_sound=is_sound or not text)
            case LearnerEnds(text, is_sound):
                return self._end_of_turn(text, is_sound=is_sound or not text)
            case LearnerTypes(text):
                return self._fall_silent() + self._answer(text)
            case LearnerInterrupts():
                return self._fall_silent()
            case TurnLost():
                return self._turn_lost()
            case PartnerBegins(text, is_offer):
                return self._partner_begins(text, is_offer=is_offer)
            case ReplyEnds(turn_id):
                return self._reply_ends(turn_id)

    def _voice(self, *, over_partner: bool) -> list[Decision]:
        match self.state:
            case Speaking(is_offer=True) if not over_partner:
                return self._fall_silent()
            case Speaking(turn_id):
                self.state = Hushed(turn_id)
                return [Hush(turn_id)]
            case Held():
                return self._fall_silent()
            case _:
                return []

    def _barge_in(self) -> list[Decision]:
        match self.state:
            case Hushed(turn_id):
                decisions = self._fall_silent()
                self.state = Cut(turn_id)
                return decisions
            case _:
                return []

    def _pause(self, text: str, *, is_sound: bool) -> list[Decision]:
        match self.state:
            case Hushed() | Speaking() | Cut() if is_sound:
                return self._unhush()
            case _:
                return self._fall_silent() + (self._start(text) if text else [])

    def _end_of_turn(self, text: str, *, is_sound: bool) -> list[Decision]:
        match self.state:
            case Held(turn_id, held_text) if held_text == text:
                return self._release(turn_id)
            case Hushed() | Speaking() if is_sound:
                return self._unhush()
            case Cut(cut_id, has_rest) if is_sound:
                return self._continue(cut_id) if has_rest else self._fall_silent()
            case _:
                return self._fall_silent() + (self._answer(text) if text else [])

    def _start(self, text: str) -> list[Decision]:
        turn_id = self._new_turn_id()
        self.state = Held(turn_id, text)
        return [Begin(turn_id, text)]

    def _answer(self, text: str) -> list[Decision]:
        turn_id = self._new_turn_id()
        return [Begin(turn_id, text), *self._release(turn_id)]

    def _continue(self, cut_id: str) -> list[Decision]:
        turn_id = self._new_turn_id()
        return [Continue(turn_id, cut_id), *self._release(turn_id)]

    def _release(self, turn_id: str) -> list[Decision]:
        self.state = Speaking(turn_id)
        return [Release(turn_id)]

    def _unhush(self) -> list[Decision]:
        if not isinstance(self.state, Hushed):
            return []
        turn_id = self.state.turn_id
        self.state = Speaking(turn_id)
        return [Unhush(turn_id)]

    def _fall_silent(self) -> list[Decision]:
        state, self.state = self.state, Listening()
        match state:
            case Held(turn_id):
                return [Cancel(turn_id, released=False)]
            case Speaking(turn_id) | Hushed(turn_id):
                return [Cancel(turn_id, released=True)]
            case _:
                return []

    def _turn_lost(self) -> list[Decision]:
        match self.state:
            case Held():
                return self._fall_silent()
            case _:
                return self._unhush()

    def _partner_begins(self, text: str, *, is_offer: bool) -> list[Decision]:
        if not isinstance(self.state, Listening):
            return []
        turn_id = self._new_turn_id()
        self.state = Speaking(turn_id, is_offer)
        return [Say(turn_id, text) if text else Begin(turn_id, ""), Release(turn_id)]

    def _reply_ends(self, turn_id: str) -> list[Decision]:
        match self.state:
            case Cut(now) if now == turn_id:
                self.state = Cut(turn_id, has_rest=False)
            case Held(now) | Speaking(now) | Hushed(now) if now == turn_id:
                self.state = Listening()
        return []
