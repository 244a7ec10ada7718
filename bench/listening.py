"""Models what a learner hears, and judges the answer by that. Pure; all times are on the bench's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AUDIBLE = 300  # samples of the partner's audio above this are sound: -41 dB of full scale


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The system reported that the learner's turn was over."""

    at_s: float


@dataclass(frozen=True, slots=True)
class ReplyHeard:
    """The learner's speaker played the first audible sample of a reply."""

    at_s: float


@dataclass(frozen=True, slots=True)
class ReplyOver:
    """The system reported that the reply was over: spoken to its end, completely sent, or stopped."""

    at_s: float


Event = TurnEnded | ReplyHeard | ReplyOver


class Ear:
    """A speaker that plays audio as it arrives, each piece after the one before, and finds when a reply is first
    heard."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.new_reply()

    def new_reply(self) -> None:
        """A new reply begins with the next sample. Drops what is still queued."""
        self._free_s = 0.0
        self._received = 0
        self._began_s: float | None = None
        self.is_heard = False

    def hear(self, pcm: bytes, at_s: float) -> ReplyHeard | None:
        """Take 16-bit PCM that arrived at `at_s`. If it contains the reply's first audible sample, returns the time at
        which that sample is played."""
        samples = np.frombuffer(pcm, "<i2")
        begin_s = max(at_s, self._free_s)
        self._free_s = begin_s + len(samples) / self.rate_hz
        self._received += len(samples)
        self._began_s = begin_s if self._began_s is None else self._began_s
        if self.is_heard:
            return None
        audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
        if not len(audible):
            return None
        self.is_heard = True
        return ReplyHeard(begin_s + float(audible[0]) / self.rate_hz)

    def played_ms(self, at_s: float) -> float:
        """How much of the reply has been played, in ms, assuming that the queue has never run empty."""
        if self._began_s is None:
            return 0.0
        return max(0.0, min(at_s - self._began_s, self._received / self.rate_hz)) * 1000

    def left_s(self, at_s: float) -> float:
        """How much of what has arrived is still to be played, in seconds."""
        return max(0.0, self._free_s - at_s)


@dataclass(frozen=True, slots=True)
class Answer:
    """How one utterance was answered.

    latency_s: from the learner's last voiced sample to the answer's first audible one; None: no answer came. cut: the
    system ended the turn too early, or more than once. premature: a reply began while the learner was still talking.
    client_late_s: the longest delay of a frame that the client itself sent, which is an error of measurement.
    """

    utterance: str
    latency_s: float | None
    cut: bool
    premature: bool
    client_late_s: float = 0.0


def answer_to(utterance: str, began_s: float, last_voiced_s: float, events: Sequence[Event]) -> Answer:
    """Judge the answer to an utterance. events: all events from `began_s` until the next utterance began.

    A reply counts as the answer only if the turn that it replies to ended after the learner's last sound. A reply to
    the first half of a sentence is not an answer to the whole sentence.
    """
    turns = [event.at_s for event in events if isinstance(event, TurnEnded) and event.at_s >= began_s]
    heard = [event.at_s for event in events if isinstance(event, ReplyHeard) and event.at_s >= began_s]
    whole = next((turn for turn in turns if turn >= last_voiced_s), None)
    answers = [] if whole is None else [at_s for at_s in heard if at_s >= whole]
    return Answer(
        utterance,
        answers[0] - last_voiced_s if answers else None,
        cut=len(turns) > 1 or any(turn < last_voiced_s for turn in turns),
        premature=any(at_s < last_voiced_s for at_s in heard),
    )
