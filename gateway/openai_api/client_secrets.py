"""POST /v1/realtime/client_secrets: a short-lived key with which a web page opens Realtime sessions."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gateway.admission.auth import client_of
from gateway.openai_api.dependencies import Context, RequestStack
from gateway.realtime.client_keys import KeyRequest, create_key
from gateway.realtime.session_conduct import check_language_of
from gateway.realtime.session_config import SessionConfig, updated
from gateway.reply.prompt import Briefing, system_prompt

router = APIRouter(tags=["realtime"])


class ClientSecret(BaseModel):
    """A new key. expires_at: in seconds since 1970. session: the settings of the sessions that it opens."""

    value: str
    expires_at: int
    session: dict[str, Any]


@router.post("/realtime/client_secrets")
async def client_secrets(
    request: Request, context: Context, stack: RequestStack, body: KeyRequest | None = None
) -> ClientSecret:
    """A key that a web page can use instead of your token, and the settings of the sessions that it opens.

    `session` has the fields of a Realtime `session.update`.
    """
    wanted = body or KeyRequest()
    config = updated(SessionConfig(), wanted.session)
    check_language_of(config, await context.ports.languages.languages())
    client = client_of(request, context.entrance.authenticator)
    key, expires_at = await create_key(wanted, client, context.ports.store)
    shown = config.shown(
        f"sess_{secrets.token_urlsafe(12)}",
        instructions=system_prompt(
            Briefing(is_small=context.ports.llm.is_small, is_trained=context.ports.llm.is_trained)
        ),
        max_tokens=context.settings.llm_max_tokens,
    )
    return ClientSecret(value=key, expires_at=expires_at, session=shown)
