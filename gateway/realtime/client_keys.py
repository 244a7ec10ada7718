"""Short-lived keys (`ek_…`): an application's server requests a key and gives it to a browser.

A key carries the settings of its sessions. Sessions that are opened with the key belong to the client that requested
it. The store limits how much the keys of one client hold at once.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway import metrics
from gateway.admission.authenticator import Client, UnauthorizedError
from gateway.admission.limits import TooMuchError
from gateway.ports import ClientSecrets
from gateway.realtime.session_config import SessionConfig

PREFIX = "ek_"


class ExpiresAfter(BaseModel):
    """When the key expires. Sessions that are open at that time go on."""

    model_config = ConfigDict(extra="forbid")

    anchor: Literal["created_at"] = "created_at"
    seconds: int = Field(600, ge=10, le=7200)


class KeyRequest(BaseModel):
    """The body of `POST /v1/realtime/client_secrets`."""

    model_config = ConfigDict(extra="forbid")

    expires_after: ExpiresAfter = ExpiresAfter()
    session: dict[str, Any] = Field(default_factory=dict)


class KeyDocument(BaseModel):
    """The stored data of a key."""

    client: str
    subject: str
    session: dict[str, Any]


async def create_key(
    expires_after: ExpiresAfter, config: SessionConfig, client: Client, store: ClientSecrets
) -> tuple[str, int]:
    """A new key for sessions with these settings, and the time when it expires, in seconds since 1970. Raises
    TooMuchError, UnavailableError."""
    key = PREFIX + secrets.token_urlsafe(24)
    document = KeyDocument(client=client.name, subject=client.subject, session=config.changes())
    if not await store.keep_client_secret(client.name, key, document.model_dump_json(), expires_after.seconds):
        metrics.CLIENT_LIMITS.labels("client_secrets").inc()
        raise TooMuchError("this client's valid keys hold too much already; let keys expire sooner (`expires_after`)")
    return key, int(time.time()) + expires_after.seconds


async def open_with(key: str, store: ClientSecrets) -> tuple[Client, dict[str, Any]]:
    """The client that the key belongs to, and the settings of its sessions. Raises UnauthorizedError or
    UnavailableError."""
    found = await store.client_secret(key)
    if found is None:
        raise UnauthorizedError("this key has expired, or never existed; ask /v1/realtime/client_secrets for another")
    document = KeyDocument.model_validate_json(found)
    return Client(document.client, document.subject), document.session
