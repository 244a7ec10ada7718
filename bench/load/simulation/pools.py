"""Replicas of one model behind a balancer that knows the least busy, as Envoy's least-request does; and slots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Station = TypeVar("Station")


@dataclass(eq=False)
class Replica(Generic[Station]):
    """in_use: slots held, for as long as a stream is open, whether or not it makes the station work."""

    station: Station
    in_use: int = 0
    is_draining: bool = False


@dataclass(eq=False)
class Lease(Generic[Station]):
    """A slot of a replica, until released."""

    replica: Replica[Station]
    is_held: bool = True

    @property
    def station(self) -> Station:
        return self.replica.station

    def release(self, _: object = None) -> None:
        """Any number of times; also as a callback of an event."""
        if self.is_held:
            self.is_held = False
            self.replica.in_use -= 1


@dataclass(eq=False)
class Pool(Generic[Station]):
    """slots: of each replica. They are what admission and autoscaling count; nothing is refused here."""

    make: Callable[[], Station]
    slots: int
    replicas: list[Replica[Station]] = field(default_factory=list)

    def grow(self, replicas: int = 1) -> None:
        self.replicas += [Replica(self.make()) for _ in range(replicas)]

    def drain(self) -> None:
        """Take the least busy replica out; who is on it finishes there, or leaves between two turns."""
        out = min(self.replicas, key=lambda replica: replica.in_use)
        out.is_draining = True
        self.replicas.remove(out)

    def take(self) -> Lease[Station]:
        """A slot of the least busy replica, of those equally busy the one that is there longest."""
        replica = min(self.replicas, key=lambda one: one.in_use)
        replica.in_use += 1
        return Lease(replica)

    @property
    def in_use(self) -> int:
        return sum(replica.in_use for replica in self.replicas)

    @property
    def capacity(self) -> int:
        return self.slots * len(self.replicas)

    @property
    def occupancy(self) -> float:
        return self.in_use / self.capacity
