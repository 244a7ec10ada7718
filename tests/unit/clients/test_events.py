"""The client's events and messages are those of the gateway."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest
from aitalk.client import events
from aitalk.client.errors import ProtocolError
from aitalk.client.link import encoded
from aitalk.client.options import AudioFormat, Options, SessionKey, Tool
from pydantic import BaseModel

from gateway import protocol

SERVER = {cls.model_fields["type"].default: cls for cls in get_args(protocol.AnyServerMessage)}


def an_example(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a message except `type`, all of them set."""
    return {name: _value(name, str(field.annotation)) for name, field in model.model_fields.items() if name != "type"}


def _value(name: str, annotation: str) -> Any:
    if name == "words":
        return [{"text": "Hello", "start_ms": 1, "end_ms": 20}]
    if name in {"level", "by"}:
        return {"level": "beginner", "by": "rule"}[name]
    for kind, value in (("tuple", ["a", "b"]), ("dict", {"a": 1.5}), ("bool", True), ("int", 7), ("float", 1.5)):
        if kind in annotation:
            return value
    return f"some {name}"


def test_the_client_knows_every_message_of_the_gateway() -> None:
    assert set(events.MESSAGES) == set(SERVER)


@pytest.mark.parametrize("kind", sorted(SERVER))
def test_a_message_keeps_all_its_fields(kind: str) -> None:
    sent = protocol.SERVER_MESSAGE.validate_python({"type": kind, **an_example(SERVER[kind])})
    read = events.read_message(sent.model_dump_json())
    assert type(read) is events.MESSAGES[kind]
    again = {"type": kind, **dataclasses.asdict(read)}
    assert json.loads(json.dumps(again)) == json.loads(sent.model_dump_json())


def test_optional_fields_of_the_gateway_may_be_missing() -> None:
    read = events.read_message('{"type": "transcript", "text": "Hello", "is_final": false}')
    assert read == events.Transcript("Hello", is_final=False)


def test_additions_of_a_newer_gateway_are_ignored() -> None:
    assert events.read_message('{"type": "pong", "mood": "good"}') == events.Pong()
    assert events.read_message('{"type": "applause", "claps": 3}') == events.Unknown("applause", {"claps": 3})


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"type": "ai_text"}', '{"type": "captions", "turn_id": "a", "words": 3}']
)
def test_a_message_that_makes_no_sense_is_an_error(text: str) -> None:
    with pytest.raises(ProtocolError, match="can't read"):
        events.read_message(text)


def test_the_gateway_knows_every_option() -> None:
    options = Options(
        audio=AudioFormat("pcm_s16le", 48_000),
        level="beginner",
        voice="joe",
        language="en",
        learner="0123456789abcdef",
        scenario="cafe",
        instructions="You are a pilot.",
        partner_begins=True,
        tools=(Tool("weather", "The weather now"),),
        tool_choice="weather",
        confirms_tools=True,
        native_language="pt",
        corrections="beside",
        keep_progress=True,
    )
    read = protocol.read_client_message(json.dumps(options.message(SessionKey("id", "token"))))
    assert isinstance(read, protocol.Start)
    assert list(read.unknown_fields()) == []
    assert all(getattr(read, name) is not None for name in protocol.Start.model_fields)


FIELDS: dict[str, dict[str, Any]] = {
    "text": {"text": "Hi"},
    "set_level": {"level": "beginner"},
    "playback": {"turn_id": "a", "played_ms": 3.5},
    "tool_result": {"call_id": "a", "output": "sunny", "confirmed": False},
}


@pytest.mark.parametrize("kind", ["hint", "interrupt", "ping", "end_conversation", *FIELDS])
def test_the_gateway_reads_every_message_of_the_client(kind: str) -> None:
    fields = FIELDS.get(kind, {})
    read = protocol.read_client_message(encoded(kind, **fields))
    assert read.model_dump() == {"type": kind, **fields}
