"""The events that a client of the Realtime API sends."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from common.tools import MAX_TOOLS
from gateway.history import MAX_TURNS
from gateway.realtime.errors import ClientError
from gateway.realtime.session_config import MAX_INSTRUCTIONS, client_error
from gateway.realtime.tools import Choice, FunctionTool

NAME_LENGTH = 60  # an error quotes at most this many characters of an unknown `type`

MAX_AUDIO = 16 * 1024 * 1024  # the WebSocket's own limit on a message; MAX_FRAME_BYTES is usually lower
Id = Annotated[str, Field(max_length=64)]


class ClientEvent(BaseModel):
    """The fields of every event. event_id: chosen by the client; an `error` event about this event quotes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str | None = Field(None, max_length=512)


class SessionUpdate(ClientEvent):
    """Change the settings of the session."""

    type: Literal["session.update"]
    session: dict[str, Any]


class BufferAppend(ClientEvent):
    """The learner's audio, in base64."""

    type: Literal["input_audio_buffer.append"]
    audio: str = Field(max_length=MAX_AUDIO)

    def data(self) -> bytes:
        """The bytes of the audio. Raises ClientError."""
        try:
            return base64.b64decode(self.audio, validate=True)
        except ValueError:  # binascii.Error, or a character outside ASCII
            raise ClientError("`audio` is not valid base64", param="audio") from None


class BufferCommit(ClientEvent):
    """The learner's turn ends here."""

    type: Literal["input_audio_buffer.commit"]


class BufferClear(ClientEvent):
    """Forget what the learner has said since the last turn."""

    type: Literal["input_audio_buffer.clear"]


class OutputBufferClear(ClientEvent):
    """Only for WebRTC and SIP."""

    type: Literal["output_audio_buffer.clear"]


class ItemCreate(ClientEvent):
    """Add an item to the conversation."""

    type: Literal["conversation.item.create"]
    item: dict[str, Any]
    previous_item_id: Id | None = None


class ItemRetrieve(ClientEvent):
    """Send this item to the client."""

    type: Literal["conversation.item.retrieve"]
    item_id: Id


class ItemDelete(ClientEvent):
    """Remove an item from the conversation."""

    type: Literal["conversation.item.delete"]
    item_id: Id


class ItemTruncate(ClientEvent):
    """The learner has heard this item of the partner's only up to `audio_end_ms`."""

    type: Literal["conversation.item.truncate"]
    item_id: Id
    content_index: int
    audio_end_ms: int = Field(ge=0)


class ResponseParameters(BaseModel):
    """The fields of a `response.create`. For a field that is None, the session's setting applies, if there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conversation: Id | None = None
    instructions: str | None = Field(None, max_length=MAX_INSTRUCTIONS)
    input: list[dict[str, Any]] | None = Field(None, max_length=MAX_TURNS, fail_fast=True)
    output_modalities: tuple[Literal["text", "audio"]] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] | None = None
    metadata: dict[Id, Annotated[str, Field(max_length=512)]] | None = Field(None, max_length=16)
    audio: dict[str, Any] | None = None
    tools: tuple[FunctionTool, ...] | None = Field(None, max_length=MAX_TOOLS, fail_fast=True)
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    prompt: None = None
    reasoning: dict[str, Any] | None = None


class ResponseCreate(ClientEvent):
    """Have the partner answer."""

    type: Literal["response.create"]
    response: ResponseParameters = ResponseParameters()


class ResponseCancel(ClientEvent):
    """Stop the partner."""

    type: Literal["response.cancel"]
    response_id: Id | None = None


AnyClientEvent = (
    SessionUpdate
    | BufferAppend
    | BufferCommit
    | BufferClear
    | OutputBufferClear
    | ItemCreate
    | ItemRetrieve
    | ItemDelete
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel
)
_EVENT: TypeAdapter[AnyClientEvent] = TypeAdapter(Annotated[AnyClientEvent, Field(discriminator="type")])
CLIENT_EVENT_TYPES = tuple(
    sorted(kind for event in get_args(AnyClientEvent) for kind in get_args(event.model_fields["type"].annotation))
)


def read_client_event(data: str) -> AnyClientEvent:
    """A text frame as an event. Raises ClientError, which contains the event's id."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ClientError("a text frame must be JSON", code="invalid_json") from None
    if not isinstance(found, dict):
        raise ClientError("an event is a JSON object with a `type`", code="invalid_json")
    if "\\ud" in data.lower() and not _is_unicode(found):
        raise ClientError(
            "a text frame must contain whole characters; there is half a surrogate pair", code="invalid_json"
        )
    try:
        return _read(found)
    except ClientError as error:
        event_id = found.get("event_id")
        error.event_id = event_id if isinstance(event_id, str) else None
        raise


def _is_unicode(found: dict[str, Any]) -> bool:
    """Whether all texts are valid Unicode, so that they can be passed on."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(found: dict[str, Any]) -> AnyClientEvent:
    kind = found.get("type")
    if kind not in CLIENT_EVENT_TYPES:
        types = ", ".join(CLIENT_EVENT_TYPES)
        raise ClientError(
            f"Invalid value: {str(kind)[:NAME_LENGTH]!r}. Supported values of `type` are: {types}.", param="type"
        )
    if kind == "response.create" and found.get("response") is None:
        found = found | {"response": {}}
    try:
        return _EVENT.validate_python(found)
    except ValidationError as invalid:
        raise client_error(invalid, tag=str(kind)) from None
