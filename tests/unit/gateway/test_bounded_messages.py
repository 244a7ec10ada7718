"""Every text and list that a client can send has a maximum length, or is limited by that of the whole body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from common.errors import InvalidInputError
from gateway.http_api import learner_routes
from gateway.openai_api.chat_request import ChatBody
from gateway.openai_api.speech import SpeechRequest
from gateway.openai_api.transcriptions import TranscriptionForm
from gateway.openai_api.translations import TranslationForm
from gateway.ports.learner_record import WordToKeep
from gateway.protocol import AnyClientMessage, read_client_message
from gateway.realtime.client_events import AnyClientEvent
from gateway.realtime.client_keys import KeyRequest
from gateway.realtime.session_config import SessionConfig

STORED = [
    AnyClientMessage,
    AnyClientEvent,
    SessionConfig,
    KeyRequest,
    WordToKeep,
    learner_routes.Consent,
    learner_routes.Review,
    learner_routes.WordToRemove,
    SpeechRequest,
    TranscriptionForm,
    TranslationForm,
    ChatBody,
]
"""All that clients send, except the item in a `conversation.item.create`: `read_item` checks that. The session in a
`session.update` is read as SessionConfig."""
WHOLE_BODY = {"text", "content", "arguments"}
"""Fields of a chat request that only the length of the whole body limits. They are not stored."""


def unbounded(node: Any, path: str = "") -> Iterator[str]:
    """The paths in a JSON Schema of the strings and lists that may have any length."""
    if isinstance(node, list):
        for place, one in enumerate(node):
            yield from unbounded(one, f"{path}/{place}")
    if not isinstance(node, dict):
        return
    repeats = {"*", "+"} & set(node.get("pattern", "*"))
    if node.get("type") == "string" and not ({"maxLength", "enum", "const"} & set(node)) and repeats:
        yield path
    if node.get("type") == "array" and "maxItems" not in node:
        yield path
    for name, one in node.items():
        yield from unbounded(one, f"{path}/{name}")


@pytest.mark.parametrize("message", STORED, ids=lambda one: getattr(one, "__name__", "messages"))
def test_every_text_of_a_client_has_a_greatest_length(message: Any) -> None:
    found = set(unbounded(TypeAdapter(message).json_schema()))
    if message is ChatBody:
        found = {path for path in found if not WHOLE_BODY & set(path.split("/"))}
    assert sorted(found) == []


def test_a_text_without_a_greatest_length_is_found() -> None:
    assert list(unbounded({"a": {"type": "string", "pattern": "^(a-)*$"}})) == ["/a"]


@pytest.mark.parametrize("field", ["language", "native_language"])
def test_a_language_tag_is_short(field: str) -> None:
    assert read_client_message(f'{{"type": "start", "{field}": "zh-Hant-TW"}}')
    with pytest.raises(InvalidInputError):
        read_client_message(f'{{"type": "start", "{field}": "en{"-abcdefgh" * 1000}"}}')
