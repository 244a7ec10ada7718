"""Which decodes run next, and which of them in one batch. Pure: no threads, no event loop, no model.

The end of a turn comes first, a partial of an open turn comes last:

    TURN       a pause has begun, and the learner waits for an answer
    RECORDING  a whole file; it may take long, so it is never in a batch with others
    PARTIAL    a caption, which is worth nothing if it comes late

What waits while the model works forms the next batch. Nothing waits only to make a batch larger. A batch has decodes of
one urgency, because its shortest decode is done no earlier than its longest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from enum import IntEnum
from typing import Generic, TypeVar

Job = TypeVar("Job", bound=Hashable)


class Urgency(IntEnum):
    """The lower the number, the sooner it runs."""

    TURN = 0
    RECORDING = 1
    PARTIAL = 2


class DecodeQueue(Generic[Job]):
    """The decodes that wait for the model; first come, first served among those of one urgency."""

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
        """Take out what is to be decoded next, at most `limit` jobs; empty if nothing waits."""
        for urgency, jobs in self._waiting.items():
            if jobs:
                size = 1 if urgency is Urgency.RECORDING else limit
                return [jobs.popleft() for _ in range(min(size, len(jobs)))]
        return []
