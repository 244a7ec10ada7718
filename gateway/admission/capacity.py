"""How many conversations the mesh can hold: the slots of all replicas, as they say themselves in Describe.

An address may stand for many replicas (a headless Service, a compose service with --scale): each of the addresses
behind the name is asked. Behind a proxy that hides them, ASR_REPLICAS and its two siblings name them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

POLL_S = 2.0


class Replicas(Protocol):
    """The model servers, one by one."""

    async def slots(self) -> dict[str, int | None]:
        """Slots of all replicas of each service ("asr", "llm", "tts") together; None: not one of them answers."""
        ...


@dataclass
class Capacity:
    """`seats` is what the last look gave. None: as many as like.

    learners_per_slot: of each service; a learner listens all the time, but has the model write and speak only in turns.
    fixed: if not 0, that many, whatever the replicas say. admit_unknown: nobody is turned away while the model servers
    have not said what they can; else everybody waits.
    """

    learners_per_slot: Mapping[str, float]
    fixed: int = 0
    admit_unknown: bool = True
    _slots: dict[str, int | None] = field(default_factory=dict)

    @property
    def seats(self) -> int | None:
        if self.fixed:
            return self.fixed
        known = {name: slots for name, slots in self._slots.items() if slots is not None}
        if known.keys() != self.learners_per_slot.keys():
            return None if self.admit_unknown else 0
        return min(math.floor(slots * self.learners_per_slot[name]) for name, slots in known.items())

    async def look(self, replicas: Replicas) -> None:
        self._slots = await replicas.slots()

    async def watch(self, replicas: Replicas) -> None:
        """Look again and again."""
        while not self.fixed:
            await self.look(replicas)
            await asyncio.sleep(POLL_S)
