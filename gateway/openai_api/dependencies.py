"""What FastAPI gives to the routes: the gateway's objects, and an exit stack for each admitted request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.config import GatewaySettings
from gateway.openai_api.entrance import Entrance
from gateway.openai_api.uploads import Uploads
from gateway.ports import Ports, Services


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The gateway's objects for the routes. Each gateway has one, in `app.state.api_context`."""

    settings: GatewaySettings
    ports: Ports
    services: Services
    entrance: Entrance
    uploads: Uploads


def api_context(request: Request) -> ApiContext:
    """The gateway's ApiContext."""
    found: ApiContext = request.app.state.api_context
    return found


async def request_stack(
    request: Request, context: Annotated[ApiContext, Depends(api_context)]
) -> AsyncIterator[AsyncExitStack]:
    """Admits the request's client. Contexts entered on the stack stay open until the answer has been sent."""
    async with context.entrance.client(request), AsyncExitStack() as stack:
        yield stack


Context = Annotated[ApiContext, Depends(api_context)]
RequestStack = Annotated[AsyncExitStack, Depends(request_stack)]
