"""Decides which decodes run next, and which of them form a batch. Pure: no threads, no event loop, no model.

The end of a turn comes first, a second hearing of a turn comes last:

    TURN       a pause has begun, and the learner waits for an answer
    PARTIAL    a caption, which is worth nothing if it comes late
    PIECE      a piece of a file, no longer than the model hears at once
    RECORDING  a whole file; it may take long, so it is never in a batch with others
    VERBATIM   a turn once more, for the learner's record

Decodes that arrive while the model works form the next batch. No decode waits only to make a batch larger. All decodes
of a batch have the same urgency, because none of them is done before the longest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from enum import IntEnum
from typing import Generic, TypeVar

Job = TypeVar("Job", bound=Hashable)


class Urgency(IntEnum):
    """Decodes with a lower number run sooner."""

    TURN = 0
    PARTIAL = 1
    PIECE = 2
    RECORDING = 3
    VERBATIM = 4


class DecodeQueue(Generic[Job]):
    """The decodes that wait for the model. Decodes of the same urgency run in the order of their arrival."""

    def __init__(self) -> None:
        self._waiting: dict[Urgency, deque[Job]] = {urgency: deque() for urgency in Urgency}

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    def count(self, urgency: Urgency) -> int:
        """How many decodes of that urgency wait."""
        return len(self._waiting[urgency])

    def add(self, job: Job, urgency: Urgency) -> None:
        """Queue one more decode."""
        self._waiting[urgency].append(job)

    def discard(self, job: Job) -> bool:
        """Forget a decode that nobody waits for any more; False if it was not queued."""
        for jobs in self._waiting.values():
            if job in jobs:
                jobs.remove(job)
                return True
        return False

    def next_batch(self, limit: int) -> list[Job]:
        """Take out the next jobs to decode, at most `limit`; empty if nothing waits."""
        for urgency, jobs in self._waiting.items():
            if jobs:
                size = 1 if urgency is Urgency.RECORDING else limit
                return [jobs.popleft() for _ in range(min(size, len(jobs)))]
        return []
