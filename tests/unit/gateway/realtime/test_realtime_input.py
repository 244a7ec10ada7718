"""Whatever a Realtime client sends becomes an event, or a ClientError that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.realtime.client_events import CLIENT_EVENT_TYPES, BufferAppend, ClientEvent, read_client_event
from gateway.realtime.errors import ClientError
from gateway.realtime.items import read_item
from gateway.realtime.session_config import SessionConfig, updated

T = TypeVar("T")

NAMES = [
    *("type", "session", "audio", "input", "output", "format", "turn_detection", "transcription", "voice", "speed"),
    *("item", "item_id", "content", "text", "role", "id", "response", "instructions", "previous_item_id", "event_id"),
    *("audio_end_ms", "content_index", "conversation", "metadata", "tools", "tool_choice", "include", "model"),
]
VALUES = [*CLIENT_EVENT_TYPES, "message", "user", "input_text", "server_vad", "semantic_vad", "audio/pcm", "none"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6)


def attempt(call: Callable[[], T]) -> T | ClientError:
    """What the call returns, or the ClientError that it raises. Any other error fails the test."""
    try:
        return call()
    except ClientError as error:
        return error


@given(st.one_of(st.text(), JSON.map(json.dumps), OBJECTS.map(json.dumps)))
def test_any_frame_is_an_event_or_an_error(frame: str) -> None:
    assert isinstance(attempt(lambda: read_client_event(frame)), ClientEvent | ClientError)


@given(st.sampled_from(CLIENT_EVENT_TYPES), OBJECTS)
def test_any_fields_are_an_event_or_an_error_that_names_it(kind: str, fields: dict[str, Any]) -> None:
    frame = json.dumps({**fields, "type": kind, "event_id": "mine"})
    assert attempt(lambda: read_client_event(frame)).event_id == "mine"


@given(st.text())
@example("\u0000\uffff")
def test_any_audio_is_bytes_or_an_error(audio: str) -> None:
    event = read_client_event(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
    assert isinstance(event, BufferAppend)
    assert isinstance(attempt(event.data), bytes | ClientError)


@given(st.lists(OBJECTS, max_size=3))
def test_any_updates_of_a_session_hold_or_change_nothing(updates: list[dict[str, Any]]) -> None:
    config = SessionConfig()
    for update in updates:
        after = attempt(partial(updated, config, update))
        if isinstance(after, ClientError):
            assert after.param is None or after.param.startswith("session")
        else:
            config = after
        json.dumps(config.shown("s", instructions="", max_tokens=256), allow_nan=False)


@given(OBJECTS)
def test_any_item_is_a_message_or_an_error(fields: dict[str, Any]) -> None:
    item = attempt(lambda: read_item({"type": "message", **fields}))
    if isinstance(item, ClientError):
        assert str(item.param).startswith("item")
    else:
        assert json.dumps(item.shown())
        assert item.as_turn(0).text
