"""Computes how many conversations the mesh can hold, from the slots that all replicas report in Describe.

A host name may stand for many replicas (a headless Service, a Compose service with --scale): the gateway asks every
address of the name. If a proxy hides the replicas, ASR_REPLICAS, LLM_REPLICAS and TTS_REPLICAS list them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

POLL_S = 2.0


class Replicas(Protocol):
    """All replicas of the model servers."""

    async def slots(self) -> dict[str, int | None]:
        """The slots of each service ("asr", "llm", "tts"), summed over its replicas; None: no replica answers."""
        ...


@dataclass
class Capacity:
    """Turns the slots of each service into a number of seats.

    learners_per_slot: how many learners share a slot, by service. A learner needs recognition all the time, but the
    other services only from time to time. fixed: a fixed number of seats; 0: as many as the replicas have slots for.
    admit_unknown: let everybody in until each service has reported; False: everybody waits until then.
    """

    learners_per_slot: Mapping[str, float]
    fixed: int = 0
    admit_unknown: bool = True
    _slots: dict[str, int | None] = field(default_factory=dict)

    @property
    def seats(self) -> int | None:
        """`fixed`, or how many conversations the last report allows. None: no limit."""
        if self.fixed:
            return self.fixed
        known = {name: slots for name, slots in self._slots.items() if slots is not None}
        if known.keys() != self.learners_per_slot.keys():
            return None if self.admit_unknown else 0
        return min(math.floor(slots * self.learners_per_slot[name]) for name, slots in known.items())

    async def look(self, replicas: Replicas) -> None:
        """Ask the replicas once."""
        self._slots = await replicas.slots()

    async def watch(self, replicas: Replicas) -> None:
        """Ask the replicas every POLL_S, until cancelled; returns at once if the number of seats is fixed."""
        while not self.fixed:
            await self.look(replicas)
            await asyncio.sleep(POLL_S)
