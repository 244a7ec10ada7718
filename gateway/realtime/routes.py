"""The route of the Realtime API: `GET /v1/realtime`, a WebSocket."""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, WebSocket
from fastapi.responses import JSONResponse

from common.errors import InvalidInputError, ServiceError
from gateway import metrics
from gateway.admission.authenticator import Authenticator, Client, client_of, subprotocol, token_of
from gateway.admission.limits import Limits
from gateway.admission.origins import Origins
from gateway.admission.queue import AdmissionQueue
from gateway.admission.waiting_room import Arrival
from gateway.closing import ENDED, EXPELLED, IDLE, OUT_OF_TIME
from gateway.openai_common.errors import error_body, http_status
from gateway.protocol import AnyServerMessage, ErrorMessage, Reconnect
from gateway.realtime import client_keys, server_events
from gateway.realtime.converse import Opening, Shared, converse, encoded
from gateway.realtime.errors import ClientError
from gateway.realtime.session_conduct import check_language_of
from gateway.realtime.session_config import SessionConfig, TranscriptionConfig, updated

logger = logging.getLogger(__name__)

SUBPROTOCOL = "realtime"


@dataclass(frozen=True, slots=True)
class EntryChecks:
    """The checks that a new connection passes before its session begins: origin → token → limits → seat."""

    authenticator: Authenticator
    limits: Limits
    admission: AdmissionQueue
    origins: Origins


def add_realtime(app: FastAPI, checks: EntryChecks, shared: Shared) -> None:
    """Add the route to `app`."""

    @app.websocket("/v1/realtime")
    async def realtime(websocket: WebSocket) -> None:
        try:
            client, opening = await _let_in(websocket, checks, shared)
            async with checks.limits.connection(client.name) as allowance:
                allowance.time.check()
                await websocket.accept(subprotocol(websocket.headers, SUBPROTOCOL))
                arrival = Arrival(
                    websocket,
                    secrets.token_urlsafe(12),
                    allowance,
                    subject=client.subject,
                    encode=_as_event,
                    resumes=(opening.resume, opening.resume_token) if opening.resume else None,
                )
                await _receive(arrival, opening, checks, shared)
        except ServiceError as error:  # before the connection was accepted
            metrics.REFUSALS.labels(error.code).inc()
            await websocket.send_denial_response(_refusal(error))


async def _let_in(websocket: WebSocket, checks: EntryChecks, shared: Shared) -> tuple[Client, Opening]:
    """The client, and the session that it requests. Raises ServiceError."""
    if not checks.origins.allow(websocket.headers):
        origin = websocket.headers.get("origin")
        logger.warning("refused a WebSocket from origin %s; see CORS_ORIGINS and ALLOWED_HOSTS", origin)
        raise InvalidInputError(
            "pages of this origin may not use the gateway; see CORS_ORIGINS, ALLOWED_HOSTS", code="forbidden_origin"
        )
    query = websocket.query_params
    if "call_id" in query:
        raise ClientError(
            "there are no SIP calls here; connect without `call_id`", code="unsupported_parameter", param="call_id"
        )
    settings: dict[str, Any] = {}
    token = token_of(websocket.headers)
    if token.startswith(client_keys.PREFIX):
        client, settings = await client_keys.open_with(token, shared.ports.store)
    else:
        client = client_of(websocket, checks.authenticator)
    config = SessionConfig()
    if query.get("intent") == "transcription":
        transcription = config.audio.input.model_copy(update={"transcription": TranscriptionConfig()})
        audio = config.audio.model_copy(update={"input": transcription})
        config = SessionConfig(type="transcription", audio=audio)
    config = updated(config, settings)
    check_language_of(config, await shared.ports.languages.languages())
    if model := query.get("model"):
        config = config.model_copy(update={"model": model[:100]})
    resume_token = _resume_token(client, await shared.ports.store.resume_key())
    return client, Opening(config, query.get("session_id", "").removeprefix("sess_"), resume_token)


def _resume_token(client: Client, key: bytes) -> str:
    """The resume token of all sessions of one client. So a client can resume a session with its access token and the
    session's id alone. Nobody else can compute the resume token from the client's name, because the key is secret."""
    return hmac.digest(key, client.name.encode(), "sha256").hex()


async def _receive(arrival: Arrival, opening: Opening, checks: EntryChecks, shared: Shared) -> None:
    async with arrival.seated_by(checks.admission, shared.ports.store, shared.draining) as is_in:
        if is_in:
            arrival.keep_seat = True  # the seat stays reserved even if the connection breaks
            closing = await converse(arrival, opening, shared)
            arrival.keep_seat = closing not in (ENDED, IDLE, EXPELLED, OUT_OF_TIME)


def _as_event(message: AnyServerMessage) -> str | None:
    """The error event for a client that waited for a seat and can't have one. None: the message has no event."""
    match message:
        case ErrorMessage():
            problem = ServiceError(message.message, code=message.code)
        case Reconnect():
            problem = ServiceError(message.reason, code="reconnect")
        case _:
            return None
    return encoded(server_events.error(problem))


def _refusal(error: ServiceError) -> JSONResponse:
    status = 403 if error.code == "forbidden_origin" else http_status(error)
    return JSONResponse(error_body(error, param=getattr(error, "param", None)), status_code=status)
