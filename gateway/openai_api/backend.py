"""What the routes need: the ports, the model servers, the settings and the entrance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.config import GatewaySettings
from gateway.http import Services
from gateway.openai_api.entrance import Entrance
from gateway.openai_api.uploads import Uploads
from gateway.ports import Ports


@dataclass(frozen=True, slots=True)
class Backend:
    """The gateway's objects for the routes. Each gateway has one Backend, in `app.state.backend`."""

    settings: GatewaySettings
    ports: Ports
    services: Services
    entrance: Entrance
    uploads: Uploads


def backend(request: Request) -> Backend:
    """The gateway's Backend."""
    found: Backend = request.app.state.backend
    return found


async def inside(request: Request, behind: Annotated[Backend, Depends(backend)]) -> AsyncIterator[AsyncExitStack]:
    """Admits the request's client. Contexts entered on the stack stay open until the answer has been sent."""
    async with behind.entrance.client(request), AsyncExitStack() as stack:
        yield stack


Behind = Annotated[Backend, Depends(backend)]
Inside = Annotated[AsyncExitStack, Depends(inside)]
