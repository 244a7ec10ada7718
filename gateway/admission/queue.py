"""Who is let in: a learner needs a seat, and there are as many as the model servers have slots for.

    arrive ──a seat is free──▶ seated ──leave──▶ (free, or kept for a while)
       └────none is──▶ in the queue ──beat──▶ … ──beat──▶ seated

A seat is a slot of recognition, language model and synthesis together, reserved before the conversation begins. Seats
are counted in Redis for all gateways; this gateway renews its own. While Redis is away everyone is let in: a
conversation that can't be counted is better than none.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from common.errors import UnavailableError
from gateway import metrics
from gateway.admission.redis_seats import LEASE_S, RedisSeats

logger = logging.getLogger(__name__)

BEAT_S = LEASE_S / 4
BEAT_WHILE_QUEUED_S = 0.5


@dataclass(slots=True)
class Ticket:
    """A learner at the door, then on a seat. seat: the session's id. position: 0 seated, n-th in the queue, -1 refused.

    estimate_s: about how long the wait will be. `moved` is set whenever the position has changed.
    """

    seat: str
    position: int = -1
    estimate_s: int = 0
    arrived_s: float = field(default_factory=time.monotonic)
    seated_s: float = 0.0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_seated(self) -> bool:
        return self.position == 0


class AdmissionQueue:
    """One gateway's door. `run` it as a task for as long as anyone is in.

    capacity: how many conversations the mesh can hold, None without limit. queue_max: how many may wait.
    grace_s: for how long the seat of a learner whose connection broke is kept, and the place of one who was sent away.
    """

    def __init__(
        self,
        seats: RedisSeats,
        capacity: Callable[[], int | None],
        *,
        queue_max: int,
        max_wait_s: float,
        grace_s: float,
    ) -> None:
        self.max_wait_s = max_wait_s
        self._seats = seats
        self._capacity = capacity
        self._queue_max = queue_max
        self._grace_s = grace_s
        self._guests: dict[str, Ticket] = {}
        self._is_away = False
        # A beat that overtakes a `leave` would take the seat again.
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Renew what this gateway holds, and move its queue on."""
        while True:
            queued = any(not ticket.is_seated for ticket in self._guests.values())
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_WHILE_QUEUED_S if queued else BEAT_S):
                    await self._news.wait()
            self._news.clear()
            await self._beat()

    async def arrive(self, session_id: str, place: str = "") -> Ticket:
        """Ask for a seat. The ticket is seated, in the queue, or refused because the queue is full.

        place: in the queue, kept when the ticket's gateway ended (its `Ticket.seat`): the ticket goes on from there.
        """
        ticket = Ticket(session_id)
        if place:
            with suppress(UnavailableError):
                await self._seats.come_back(place, session_id)
        if not self._is_away:
            await self._ask([], [ticket])
        else:
            self._seat(ticket)
        if ticket.position >= 0:
            self._guests[ticket.seat] = ticket
        if ticket.position > 0:
            self._news.set()  # from now on the beat is faster
        return ticket

    async def carry_on(self, ticket: Ticket, session_id: str) -> bool:
        """The ticket carries on that session, and sits on its seat if he has one already or it was kept for him.

        False: it was not; the ticket waits on in the queue.
        """
        with suppress(UnavailableError):
            async with self._lock:
                if not await self._seats.claim(ticket.seat, session_id, must_be_there=not ticket.is_seated):
                    return False
                self._guests.pop(ticket.seat, None)
                ticket.seat = session_id
                self._guests[session_id] = ticket
        if not ticket.is_seated:
            self._seat(ticket)
        return True

    async def leave(self, ticket: Ticket, *, keep: bool = False) -> None:
        """Give the seat, or the place in the queue, up. keep: the learner may come back for it in a moment."""
        async with self._lock:
            if self._guests.get(ticket.seat) is ticket:
                del self._guests[ticket.seat]
            if self._is_away:
                return  # the lease lapses
            held_s = time.monotonic() - ticket.seated_s if ticket.is_seated else 0.0
            with suppress(UnavailableError):
                await self._seats.leave(ticket.seat, keep_s=self._grace_s if keep else 0.0, held_s=held_s)
        self._news.set()

    async def _beat(self) -> None:
        async with self._lock:
            seated = [ticket.seat for ticket in self._guests.values() if ticket.is_seated]
            await self._ask(seated, [ticket for ticket in self._guests.values() if not ticket.is_seated], locked=True)

    async def _ask(self, held: list[str], asking: list[Ticket], *, locked: bool = False) -> None:
        capacity = self._capacity()
        ids = [ticket.seat for ticket in asking]
        try:
            if locked:
                count = await self._seats.beat(held, ids, capacity=capacity, queue_max=self._queue_max)
            else:
                async with self._lock:
                    count = await self._seats.beat(held, ids, capacity=capacity, queue_max=self._queue_max)
        except UnavailableError as error:
            if not self._is_away:
                logger.warning("seats are not counted, everyone is let in: %s", error.message)
            self._is_away = True
            for ticket in asking:
                self._seat(ticket)
            return
        self._is_away = False
        metrics.SEATS_IN_USE.set(count.seats)
        metrics.SEATS.set(math.inf if capacity is None else capacity)
        metrics.QUEUE_LENGTH.set(count.queue)
        for ticket, position in zip(asking, count.places, strict=True):
            self._place(ticket, position, count.length_s / max(1, capacity or 0))

    def _place(self, ticket: Ticket, position: int, step_s: float) -> None:
        """step_s: seconds after which, on the average, somebody leaves."""
        if position == 0:
            self._seat(ticket)
        elif position != ticket.position:
            ticket.position = position
            ticket.estimate_s = max(1, math.ceil(position * step_s))
            ticket.moved.set()

    def _seat(self, ticket: Ticket) -> None:
        ticket.position, ticket.seated_s = 0, time.monotonic()
        metrics.QUEUE_WAIT_SECONDS.observe(ticket.seated_s - ticket.arrived_s)
        ticket.moved.set()
