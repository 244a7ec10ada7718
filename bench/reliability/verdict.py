"""What a run of `make chaos` showed, and whether that is good enough. Pure.

There is one row for each kind of fault. A run passes only if each fault was tried as often as planned, no row misses a
goal, and nothing is left over at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from bench.load.expected import percentile
from bench.reliability.diary import Diary

LONGEST_UNTOLD_S = 5.0
BACK_P95_S = 3.0
COLUMNS = ("what", "times", "learners", "turns told", "lost", "doubled", "sessions lost", "longest wait untold, s",
           "connections lost", "back in conversation p95, s", "errors that learners saw")  # fmt: skip


@dataclass
class Kept:
    """What Redis has stored of all sessions: the learners' texts and the ids of the partner's turns, for each
    session."""

    said: Mapping[str, Sequence[str]]
    heard: Mapping[str, Set[str]]


@dataclass
class Row:
    """What one kind of fault did, over all tries.

    told: turns that were shown to learners as complete. lost: those of them that Redis does not have. doubled: texts
    that Redis has twice. untold_s: the longest time that a learner waited without being told that something was wrong.
    worst: the session and the moment of that wait, by which it can be found in the log. back_s: for each learner and
    try, how long it took to be back in conversation after the repair.
    """

    what: str
    times: int = 0
    learners: int = 0
    told: int = 0
    lost: int = 0
    doubled: int = 0
    sessions_lost: int = 0
    untold_s: float = 0.0
    worst: str = ""
    connections_lost: int = 0
    back_s: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, spans: Iterable[Span], kept: Kept) -> None:
        """Count one try of the fault."""
        self.times += 1
        for span in spans:
            self._add(span, kept)

    def _add(self, span: Span, kept: Kept) -> None:
        diary, begin, end = span.diary, span.before, span.after
        said, heard = diary.said[begin.said : end.said], diary.heard[begin.heard : end.heard]
        self.told += len(said) + len(heard)
        self.lost += sum(text not in kept.said.get(session, ()) for session, text in said)
        self.lost += sum(turn not in kept.heard.get(session, ()) for session, turn in heard)
        self.doubled += sum(kept.said.get(session, ()).count(text) > 1 for session, text in said)
        self.sessions_lost += end.sessions - begin.sessions
        self.connections_lost += end.lost - begin.lost
        for utterance in diary.utterances[begin.spoke :]:
            if (waited_s := utterance.waited_s(span.ended_s)) > self.untold_s:
                self.untold_s = waited_s
                self.worst = f"{diary.session}, {span.ended_s - utterance.ended_s:.1f} s before the count"
        self.back_s.append(span.back_s())
        for code in diary.errors[begin.errors : end.errors]:
            self.errors[code] = self.errors.get(code, 0) + 1

    @property
    def back_p95_s(self) -> float:
        """The 95th percentile of `back_s`; infinite if there is no measurement."""
        found = percentile(self.back_s, 95)
        return math.inf if found is None else found

    def problems(self) -> Iterator[str]:
        """The goals that this row misses."""
        if not self.told:
            yield f"{self.what}: no learner was shown a complete turn, so the row proves nothing"
        if self.lost or self.doubled or self.sessions_lost:
            yield (
                f"{self.what}: {self.lost} turns lost, {self.doubled} doubled, {self.sessions_lost} sessions forgotten"
            )
        if self.untold_s > LONGEST_UNTOLD_S:
            wait = f"a learner waited {self.untold_s:.1f} s without being told why (goal {LONGEST_UNTOLD_S:g} s)"
            yield f"{self.what}: {wait}: {self.worst}"
        if self.back_p95_s > BACK_P95_S:
            yield f"{self.what}: back in conversation after {self.back_p95_s:.1f} s at p95 (goal {BACK_P95_S:g} s)"


@dataclass(frozen=True)
class Mark:
    """How much a diary contained at one moment."""

    said: int
    heard: int
    spoke: int
    lost: int
    errors: int
    sessions: int

    @classmethod
    def of(cls, diary: Diary) -> Mark:
        """The diary's counts now. `spoke` leaves out sentences that may still be answered: they count after the
        mark."""
        spoke = len(diary.utterances) - len(diary.unanswered())
        return cls(len(diary.said), len(diary.heard), spoke, len(diary.lost_s), len(diary.errors), diary.sessions)


@dataclass(frozen=True)
class Span:
    """One learner around one fault. repaired_s: when the process served again, or Redis worked again. ended_s: the
    moment of `after`."""

    diary: Diary
    before: Mark
    after: Mark
    repaired_s: float
    ended_s: float

    def back_s(self) -> float:
        """How long it took until the learner was back in conversation; infinite if that has not happened.

        It is the longer of two times: from the repair until the connection was there again, if it was lost; and from
        the end of the first sentence after the repair to its answer. A sentence that a lost connection left without an
        answer doesn't count.
        """
        diary, lost = self.diary, self.after.lost
        if len(diary.back_s) < lost:
            return math.inf
        reconnected_s = diary.back_s[lost - 1] - self.repaired_s if lost > self.before.lost else 0.0
        for utterance in diary.utterances[self.before.spoke :]:
            was_cut = not utterance.is_open and utterance.answered_s == math.inf
            if utterance.ended_s >= self.repaired_s and not was_cut:
                return max(reconnected_s, utterance.answered_s - utterance.ended_s)
        return math.inf


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join(["---"] + ["--:"] * (len(COLUMNS) - 2) + ["---"])]
    lines += [" | ".join(_cells(row)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    errors = ", ".join(f"{code} {count}" for code, count in sorted(row.errors.items()))
    numbers = (row.times, row.learners, row.told, row.lost, row.doubled, row.sessions_lost)
    waits = (f"{row.untold_s:.1f}", str(row.connections_lost), f"{row.back_p95_s:.1f}")
    return (row.what, *map(str, numbers), *waits, errors or "–")


def problems(rows: Sequence[Row], tried: Sequence[str], times: int, left: Mapping[str, float]) -> list[str]:
    """The goals that were missed. tried: the faults that were to be tried, each `times` times. left: things that should
    be gone, with their counts."""
    found = [problem for row in rows for problem in row.problems()]
    counted = {row.what: row.times for row in rows}
    found += [
        f"{what}: tried {counted.get(what, 0)} of {times} times" for what in tried if counted.get(what, 0) < times
    ]
    found += [f"at the end {count:g} {what} are left over" for what, count in left.items() if count]
    return found
