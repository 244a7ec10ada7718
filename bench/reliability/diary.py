"""What one learner said, was told and waited for. Pure: the connection writes it, the verdict reads it.

    utterance ends ──► answered (the reply's audio begins)
       ├──► told (an error, a lost connection, a reconnect): the learner knows that something is wrong
       └──► neither: the learner waits without knowing why

All times are in seconds of one monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import takewhile


@dataclass
class Utterance:
    """One sentence that was completely sent over one connection. answered_s: when it was answered. told_s: when the
    learner was told that something is wrong. Both are infinite until then.

    is_open: an answer may still come.
    """

    ended_s: float
    answered_s: float = math.inf
    told_s: float = math.inf
    is_open: bool = True

    def waited_s(self, now_s: float) -> float:
        """How long the learner had neither an answer nor a message that something is wrong."""
        return min(self.answered_s, self.told_s, now_s) - self.ended_s


@dataclass
class Diary:
    """Everything about one learner.

    said: session and text of each turn that the gateway showed as final. heard: session and id of each reply that the
    gateway called complete. lost_s, back_s: when connections were lost, and when the conversation went on over the next
    one. session: the id of the present session. sessions: how many sessions the conversation took; more than one means
    that the first was forgotten.
    """

    utterances: list[Utterance] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    lost_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sessions: int = 0
    session: str = ""

    def spoke(self, now_s: float) -> None:
        """An utterance has ended."""
        self.utterances.append(Utterance(now_s))

    def answer_began(self, now_s: float) -> None:
        """A reply's audio begins. It answers everything that was said before."""
        for utterance in self.unanswered():
            utterance.answered_s = now_s
            utterance.is_open = False

    def told(self, now_s: float, code: str) -> None:
        """The learner is told that something is wrong."""
        self.errors.append(code)
        for utterance in self.unanswered():
            utterance.told_s = min(utterance.told_s, now_s)

    def lost(self, now_s: float) -> None:
        """The connection is lost, and the client shows that. Open sentences will get no answer."""
        self.lost_s.append(now_s)
        for utterance in self.unanswered():
            utterance.told_s = min(utterance.told_s, now_s)
            utterance.is_open = False

    def came_back(self, now_s: float) -> None:
        """The conversation goes on over a new connection."""
        if len(self.back_s) < len(self.lost_s):
            self.back_s += [now_s] * (len(self.lost_s) - len(self.back_s))

    def unanswered(self) -> list[Utterance]:
        """The sentences that may still be answered, the latest first. They are always the last ones."""
        return list(takewhile(lambda utterance: utterance.is_open, reversed(self.utterances)))

    @property
    def waits(self) -> bool:
        """Whether the learner waits for an answer, and was not told that something is wrong."""
        return bool(self.utterances) and self.utterances[-1].is_open and self.utterances[-1].told_s == math.inf

    def was_answered_since(self, since_s: float) -> bool:
        """Whether something that the learner said since `since_s` was answered."""
        return any(since_s <= one.ended_s and one.answered_s < math.inf for one in reversed(self.utterances))
