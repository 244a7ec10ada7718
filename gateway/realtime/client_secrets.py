"""POST /v1/realtime/client_secrets: a short-lived key with which a web page opens Realtime sessions."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from gateway.admission.authenticator import Authenticator, client_of
from gateway.realtime.client_keys import KeyRequest, create_key
from gateway.realtime.converse import Shared
from gateway.realtime.session_conduct import check_language_of
from gateway.realtime.session_config import SessionConfig, updated
from gateway.reply.prompt import Briefing, system_prompt


class ClientSecret(BaseModel):
    """A new key. expires_at: in seconds since 1970. session: the settings of the sessions that it opens."""

    value: str
    expires_at: int
    session: dict[str, Any]


def client_secrets_router(
    shared: Shared, authenticator: Authenticator, let_in: Callable[[Request], AbstractAsyncContextManager[None]]
) -> APIRouter:
    """The route, for the application of OpenAI's API. let_in: within its block, the request counts as a connection of
    its client; raises ServiceError if the client isn't admitted."""

    async def admitted(request: Request) -> AsyncIterator[None]:
        async with let_in(request):
            yield

    router = APIRouter(tags=["realtime"])

    @router.post("/realtime/client_secrets", dependencies=[Depends(admitted)])
    async def client_secrets(request: Request, body: KeyRequest | None = None) -> ClientSecret:
        """A key that a web page can use instead of your token, and the settings of the sessions that it opens.

        `session` has the fields of a Realtime `session.update`.
        """
        wanted, ports = body or KeyRequest(), shared.ports
        config = updated(SessionConfig(), wanted.session)
        check_language_of(config, await ports.languages.languages())
        client = client_of(request, authenticator)
        key, expires_at = await create_key(wanted.expires_after, config, client, ports.store)
        shown = config.shown(
            f"sess_{secrets.token_urlsafe(12)}",
            instructions=system_prompt(Briefing(is_small=ports.llm.is_small, is_trained=ports.llm.is_trained)),
            max_tokens=shared.settings.llm_max_tokens,
        )
        return ClientSecret(value=key, expires_at=expires_at, session=shown)

    return router
