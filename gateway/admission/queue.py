"""Admission: a learner needs a seat, and there are as many seats as the model servers have slots for.

    arrive ──a seat is free──▶ seated ──leave──▶ (free, or kept for a while)
       └────none is──▶ in the queue ──beat──▶ … ──beat──▶ seated

A seat stands for a share of the slots of recognition, the language model and synthesis, reserved before the
conversation begins. Seats are counted in Redis for all gateways; each gateway renews those of its own learners. While
Redis can't be reached, a gateway lets everybody in: an uncounted conversation is better than none.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from common.errors import UnavailableError
from gateway import metrics
from gateway.admission.redis_seats import BEAT_S, RedisSeats

logger = logging.getLogger(__name__)

BEAT_WHILE_QUEUED_S = 0.5


@dataclass(slots=True)
class Ticket:
    """A learner's claim to a seat. seat: the session's id. position: 0 seated, n: n-th in the queue, -1 refused.

    client: the name of the learner's client, which may have several tickets; empty: the ticket counts as a client of
    its own. estimate_s: the estimated wait. arrived_s, seated_s: on the clock of time.monotonic. `moved` is set
    whenever the position changes.
    """

    seat: str
    client: str = ""
    position: int = -1
    estimate_s: int = 0
    arrived_s: float = field(default_factory=time.monotonic)
    seated_s: float = 0.0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_seated(self) -> bool:
        """Whether the learner has a seat."""
        return self.position == 0


class AdmissionQueue:
    """Seats and queue of one gateway. `run` it as a task for as long as the gateway serves.

    capacity: how many conversations the mesh can hold; None: without limit. queue_max: how many learners may wait.
    max_wait_s: how long a learner may wait. grace_s: how long a seat is kept after its connection broke, and a place in
    the queue after its learner was sent to another gateway.
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
        self._tickets: dict[str, Ticket] = {}
        self._is_away = False
        # A beat that overtakes a `leave` would take the seat back.
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Renew the seats and places that this gateway holds, and seat the next learners, until cancelled."""
        while True:
            queued = any(not ticket.is_seated for ticket in self._tickets.values())
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_WHILE_QUEUED_S if queued else BEAT_S):
                    await self._news.wait()
            self._news.clear()
            await self._beat()

    async def arrive(self, session_id: str, place: str = "", client: str = "") -> Ticket:
        """Ask for a seat. The ticket is seated, in the queue, or refused because the queue is full.

        place: from `place_of`, for a place in the queue that was kept when its gateway ended; the new ticket takes that
        place. client: its name. While learners wait, the next seat goes to the client that has the fewest seats.
        """
        ticket = Ticket(session_id, client)
        if place:
            kept = place.rpartition(".")[0]
            with suppress(UnavailableError):
                if hmac.compare_digest((await self._signed(kept)).encode(), place.encode()):
                    await self._seats.come_back(kept, session_id)
        if not self._is_away:
            await self._ask([], [ticket])
        else:
            self._seat(ticket)
        if ticket.position >= 0:
            self._tickets[ticket.seat] = ticket
        if ticket.position > 0:
            self._news.set()  # the beat is faster while anyone waits
        return ticket

    async def place_of(self, ticket: Ticket) -> str:
        """What the ticket's learner shows another gateway to keep the place; empty if the key can't be read from Redis.

        It is signed. A place is named after its session's id, which logs contain, and someone who reads a log must not
        be able to take the place.
        """
        try:
            return await self._signed(ticket.seat)
        except UnavailableError:
            return ""

    async def _signed(self, seat: str) -> str:
        signature = hmac.digest(await self._seats.place_key(), seat.encode(), "sha256")
        return f"{seat}.{signature.hex()}"

    async def carry_on(self, ticket: Ticket, session_id: str) -> bool:
        """The ticket's learner resumes the session `session_id`, so the ticket gets the seat of that session.

        False: the ticket is in the queue and stays there, because that seat is no longer kept.
        """
        with suppress(UnavailableError):
            async with self._lock:
                if not await self._seats.claim(ticket.seat, session_id, must_be_there=not ticket.is_seated):
                    return False
                self._tickets.pop(ticket.seat, None)
                ticket.seat = session_id
                self._tickets[session_id] = ticket
        if not ticket.is_seated:
            self._seat(ticket)
        return True

    async def leave(self, ticket: Ticket, *, keep: bool = False, counts: bool = True) -> None:
        """Give up the seat or the place in the queue.

        keep: keep it for `grace_s`, as the learner may come back. counts: whether it was a conversation, whose length
        counts in the estimate of the wait.
        """
        async with self._lock:
            if self._tickets.get(ticket.seat) is ticket:
                del self._tickets[ticket.seat]
            if self._is_away:
                return  # the lease will lapse
            held_s = time.monotonic() - ticket.seated_s if ticket.is_seated and counts else 0.0
            with suppress(UnavailableError):
                await self._seats.leave(ticket.seat, keep_s=self._grace_s if keep else 0.0, held_s=held_s)
        self._news.set()

    async def _beat(self) -> None:
        async with self._lock:
            seated = [ticket for ticket in self._tickets.values() if ticket.is_seated]
            await self._ask(seated, [ticket for ticket in self._tickets.values() if not ticket.is_seated], locked=True)

    async def _ask(self, held: list[Ticket], asking: list[Ticket], *, locked: bool = False) -> None:
        capacity = self._capacity()
        try:
            async with nullcontext() if locked else self._lock:
                count = await self._seats.beat(
                    [ticket.seat for ticket in held],
                    [ticket.seat for ticket in asking],
                    capacity=capacity,
                    queue_max=self._queue_max,
                    clients={ticket.seat: ticket.client for ticket in (*held, *asking)},
                )
        except UnavailableError as error:
            if not self._is_away:
                logger.warning("seats are not counted, so everyone is let in: %s", error.message)
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
        """Set the ticket's position and estimate. step_s: how long it takes, on average, until a seat becomes free."""
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
