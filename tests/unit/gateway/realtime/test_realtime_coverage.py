"""docs/realtime.md lists the Realtime events and items of the installed `openai` package, and the fields of sessions
and responses. It says which of them are supported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from openai import BaseModel
from openai.types.realtime import (
    ConversationItem,
    RealtimeClientEvent,
    RealtimeResponseCreateParams,
    RealtimeServerEvent,
    RealtimeSessionCreateRequest,
    RealtimeTranscriptionSessionCreateRequest,
)

from gateway.realtime.client_events import CLIENT_EVENT_TYPES
from gateway.realtime.coverage import (
    CLIENT_EVENTS,
    ITEMS,
    RESPONSE_FIELDS,
    SERVER_EVENTS,
    SESSION_FIELDS,
    TABLES,
    Row,
    as_markdown,
)
from gateway.realtime.errors import ClientError
from gateway.realtime.items import read_item
from gateway.realtime.session_config import SessionConfig, updated

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "realtime.md").read_text(encoding="utf-8")


def event_types(union: Any) -> set[str]:
    return {get_args(event.model_fields["type"].annotation)[0] for event in get_args(get_args(union)[0])}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for arg in get_args(annotation):
        yield from models_in(arg)


def fields_of(model: type[BaseModel], path: str = "") -> set[str]:
    """The paths of all fields of the model, also of those in nested objects."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(path + name)
        for part in models_in(field.annotation):
            found |= fields_of(part, f"{path}{name}.")
    return found


def missing(fields: set[str], table: dict[str, Row]) -> set[str]:
    """The fields that the table lists neither by themselves, nor by an object around them, nor by a field in them."""
    return {
        field
        for field in fields
        if not any(f"{field}.".startswith(f"{row}.") or row.startswith(f"{field}.") for row in table)
    }


def test_the_tables_list_every_event_of_the_package() -> None:
    assert set(CLIENT_EVENTS) == event_types(RealtimeClientEvent) == set(CLIENT_EVENT_TYPES)
    assert set(SERVER_EVENTS) == event_types(RealtimeServerEvent)
    assert set(ITEMS) == event_types(ConversationItem)


def test_the_tables_list_every_field_of_the_package() -> None:
    session = fields_of(RealtimeSessionCreateRequest) | fields_of(RealtimeTranscriptionSessionCreateRequest)
    response = fields_of(RealtimeResponseCreateParams)
    assert not missing(session, SESSION_FIELDS)
    assert not missing(response, RESPONSE_FIELDS)
    assert set(SESSION_FIELDS) <= session
    assert set(RESPONSE_FIELDS) <= response


def test_a_field_that_the_tables_do_not_list_would_be_noticed() -> None:
    assert missing({"audio.input.echo", "audio.output.voice.id"}, SESSION_FIELDS) == {"audio.input.echo"}


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_shows_the_tables(heading: str) -> None:
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    assert as_markdown(TABLES[heading]) in next(text for text in section if text.startswith(f"{heading}\n"))


# Field of a session → a value that a client may send.
EXAMPLES: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "output_modalities": ["text"],
    "audio.input.format": {"type": "audio/pcm", "rate": 24000},
    "audio.input.noise_reduction": {"type": "near_field", "strength": 0.5},
    "audio.input.transcription": {"model": "whisper-1"},
    "audio.input.transcription.language": "en",
    "audio.input.transcription.model": "gpt-4o-transcribe",
    "audio.input.transcription.prompt": "words",
    "audio.input.transcription.languages": ["en"],
    "audio.input.transcription.keywords": ["Dublin"],
    "audio.input.transcription.delay": "low",
    "audio.input.turn_detection": None,
    "audio.input.turn_detection.type": "server_vad",
    "audio.input.turn_detection.create_response": False,
    "audio.input.turn_detection.interrupt_response": False,
    "audio.input.turn_detection.eagerness": "high",
    "audio.input.turn_detection.silence_duration_ms": 700,
    "audio.input.turn_detection.idle_timeout_ms": 6000,
    "audio.input.turn_detection.prefix_padding_ms": 100,
    "audio.input.turn_detection.threshold": 0.8,
    "audio.output.format": {"type": "audio/pcmu"},
    "audio.output.voice": "marin",
    "audio.output.speed": 1.1,
    "max_output_tokens": 100,
    "include": ["item.input_audio_transcription.logprobs"],
    "tools": [{"type": "function", "name": "look", "parameters": {}}],
    "tool_choice": "none",
    "parallel_tool_calls": True,
    "prompt": {"id": "pmpt_1"},
    "reasoning": {"effort": "low"},
    "tracing": "auto",
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
}
IS_DEFAULT = {"type", "audio.input.format"}
REPORTED_AS_ASKED = {"model", "audio.input.transcription.model"}
OF_SERVER_VAD = {"silence_duration_ms", "idle_timeout_ms", "prefix_padding_ms", "threshold"}


def nested(path: str, value: Any) -> dict[str, Any]:
    """An object that has `value` at this path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


@pytest.mark.parametrize("field", SESSION_FIELDS)
def test_a_field_is_done_taken_or_refused_as_the_table_says(field: str) -> None:
    begin = SessionConfig()
    if field.rpartition(".")[2] in OF_SERVER_VAD:
        begin = updated(begin, nested("audio.input.turn_detection", {"type": "server_vad"}))
    status, update = SESSION_FIELDS[field].status, nested(field, EXAMPLES[field])
    if status == "refused":
        with pytest.raises(ClientError) as caught:
            updated(begin, update)
        assert caught.value.param == f"session.{field}"
        return
    if field.startswith("audio.input.transcription."):
        begin = updated(begin, nested("audio.input.transcription", {}))
    before, after = (one.shown("s", instructions="", max_tokens=256) for one in (begin, updated(begin, update)))
    has_effect = status == "done" or field in REPORTED_AS_ASKED
    assert (before != after) == (has_effect and field not in IS_DEFAULT)


CREATED: dict[str, dict[str, Any]] = {
    "message": {"role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
    "function_call": {"call_id": "c", "name": "look", "arguments": "{}"},
    "function_call_output": {"call_id": "c", "output": "ok"},
}
"""An item of each type that a client may create."""


@pytest.mark.parametrize("kind", ITEMS)
def test_an_item_is_taken_or_refused_as_the_table_says(kind: str) -> None:
    if ITEMS[kind].status == "done":
        assert read_item({"type": kind, **CREATED[kind]}).shown()["type"] == kind
        return
    with pytest.raises(ClientError) as caught:
        read_item({"type": kind})
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "item.type")
    assert "MCP" in caught.value.message
