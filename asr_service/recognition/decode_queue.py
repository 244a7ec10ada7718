"""Which decodes are run next, and which of them together. Pure: no threads, no event loop, no model.

The end of a turn comes first, a caption of one that goes on comes last:

    TURN       a pause has begun, and somebody waits for an answer
    RECORDING  a whole file; it may take long, so it is never put together with others
    PARTIAL    a caption, worth nothing if it comes late

What waits while the model works forms the next batch; nothing waits for company. A batch is of one urgency, because
the shortest decode of a batch ends with its longest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from enum import IntEnum
from typing import Generic, TypeVar

Job = TypeVar("Job", bound=Hashable)


class Urgency(IntEnum):
    """The lower, the sooner."""

    TURN = 0
    RECORDING = 1
    PARTIAL = 2


class DecodeQueue(Generic[Job]):
    """What waits for the model, first come first served among equals."""

    def __init__(self) -> None:
        self._waiting: dict[Urgency, deque[Job]] = {urgency: deque() for urgency in Urgency}

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    def count(self, urgency: Urgency) -> int:
        """How many of that urgency wait."""
        return len(self._waiting[urgency])

    def add(self, job: Job, urgency: Urgency) -> None:
        """One more waits."""
        self._waiting[urgency].append(job)

    def discard(self, job: Job) -> bool:
        """Forget a job that nobody waits for any more; False if it doesn't wait here."""
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
