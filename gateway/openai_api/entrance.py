"""Admits a request by the same checks as a conversation: origin → token → connections at once → seat."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request

from common.errors import BusyError, InvalidInputError, UnavailableError
from gateway.admission.authenticator import Authenticator, client_of
from gateway.admission.draining import Draining
from gateway.admission.limits import Limits
from gateway.admission.origins import Origins
from gateway.admission.queue import AdmissionQueue, Ticket
from gateway.closing import HandOver

WAIT_S = 30.0
"""How long a request waits in the queue for a seat, at most. After that the client is told to come back later."""


class ForbiddenOriginError(InvalidInputError):
    """The request comes from a web page that may not use the gateway."""

    code = "forbidden_origin"


@dataclass(frozen=True, slots=True)
class Entrance:
    """Admits requests. Each gateway has one Entrance."""

    authenticator: Authenticator
    limits: Limits
    admission: AdmissionQueue
    draining: Draining
    origins: Origins

    @asynccontextmanager
    async def client(self, request: Request, *, stores: bool = False) -> AsyncIterator[None]:
        """Count the request as a connection of its client within the block. stores: the request makes Redis keep
        more, so such requests are also limited per minute.

        Raises ForbiddenOriginError, UnauthorizedError, TooMuchError.
        """
        if not self.origins.allow(request.headers):
            raise ForbiddenOriginError("pages of this origin may not use the gateway; see CORS_ORIGINS, ALLOWED_HOSTS")
        client = client_of(request, self.authenticator)
        request.state.client = client.name
        async with self.limits.connection(client.name, is_request=True, stores=stores):
            yield

    @asynccontextmanager
    async def seat(self, request: Request) -> AsyncIterator[None]:
        """Wait up to WAIT_S for a seat, and hold it within the block. Raises BusyError, UnavailableError.

        request: one that `client` has admitted.

        A gateway that is shutting down waits for the requests that have a seat.
        """
        if self.draining.began.is_set():
            raise UnavailableError("this gateway is shutting down; send the request again")
        ticket = await self.admission.arrive(secrets.token_urlsafe(12), client=request.state.client)
        try:
            await self._wait(ticket)
            with self.draining.counting(_Request()):
                yield
        finally:
            await self.admission.leave(ticket, counts=False)

    async def _wait(self, ticket: Ticket) -> None:
        if ticket.position < 0:
            raise BusyError("all seats are taken, and many are waiting; try again later", retry_after_s=WAIT_S)
        try:
            async with asyncio.timeout(min(WAIT_S, self.admission.max_wait_s)):
                while not ticket.is_seated:
                    ticket.moved.clear()
                    await ticket.moved.wait()
        except TimeoutError:
            raise BusyError("all seats are taken; try again later", retry_after_s=ticket.estimate_s or 1) from None


class _Request:
    """A request that is being answered. It can't move to another gateway, so a hand-over changes nothing for it."""

    async def post(self, event: HandOver, /) -> None:
        """Do nothing."""
