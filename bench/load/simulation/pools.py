"""The replicas of one model, and their slots. A balancer picks the least busy replica, like Envoy's least-request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Station = TypeVar("Station")


@dataclass(eq=False)
class Replica(Generic[Station]):
    """One replica. in_use: slots held. A stream holds a slot while it is open, even if it causes no work."""

    station: Station
    in_use: int = 0
    is_draining: bool = False


@dataclass(eq=False)
class Lease(Generic[Station]):
    """A slot of a replica, held until it is released."""

    replica: Replica[Station]
    is_held: bool = True

    @property
    def station(self) -> Station:
        """The station of the leased replica."""
        return self.replica.station

    def release(self, _: object = None) -> None:
        """Free the slot. May be called several times, and as the callback of an event."""
        if self.is_held:
            self.is_held = False
            self.replica.in_use -= 1


@dataclass(eq=False)
class Pool(Generic[Station]):
    """The replicas. slots: per replica, as counted by admission and autoscaling; this pool itself refuses nothing."""

    make: Callable[[], Station]
    slots: int
    replicas: list[Replica[Station]] = field(default_factory=list)

    def grow(self, replicas: int = 1) -> None:
        """Add replicas."""
        self.replicas += [Replica(self.make()) for _ in range(replicas)]

    def drain(self) -> None:
        """Remove the least busy replica. Its learners finish their turns there; the next turns go to other replicas."""
        out = min(self.replicas, key=lambda replica: replica.in_use)
        out.is_draining = True
        self.replicas.remove(out)

    def take(self) -> Lease[Station]:
        """Take a slot of the least busy replica; among equally busy ones, of the oldest."""
        replica = min(self.replicas, key=lambda one: one.in_use)
        replica.in_use += 1
        return Lease(replica)

    @property
    def in_use(self) -> int:
        """Slots held in all replicas."""
        return sum(replica.in_use for replica in self.replicas)

    @property
    def capacity(self) -> int:
        """Slots of all replicas."""
        return self.slots * len(self.replicas)

    @property
    def occupancy(self) -> float:
        """The share of slots in use, 0 to 1."""
        return self.in_use / self.capacity
