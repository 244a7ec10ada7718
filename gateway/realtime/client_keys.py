"""Short-lived keys (`ek_…`): an application's server requests a key and gives it to a browser.

A key carries the settings of its sessions. Sessions that are opened with the key belong to the client that requested
it.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.admission.auth import Client, UnauthorizedError
from gateway.ports import ClientSecrets

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


async def create_key(key_request: KeyRequest, client: Client, store: ClientSecrets) -> tuple[str, int]:
    """A new key, and the time when it expires, in seconds since 1970. Raises UnavailableError."""
    key = PREFIX + secrets.token_urlsafe(24)
    document = KeyDocument(client=client.name, subject=client.subject, session=key_request.session)
    await store.keep_client_secret(key, document.model_dump_json(), key_request.expires_after.seconds)
    return key, int(time.time()) + key_request.expires_after.seconds


async def open_with(key: str, store: ClientSecrets) -> tuple[Client, dict[str, Any]]:
    """The client that the key belongs to, and the settings of its sessions. Raises UnauthorizedError or
    UnavailableError."""
    found = await store.client_secret(key)
    if found is None:
        raise UnauthorizedError("this key has expired, or never existed; ask /v1/realtime/client_secrets for another")
    document = KeyDocument.model_validate_json(found)
    return Client(document.client, document.subject), document.session
