"""One response of the Realtime API, and the objects in its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.realtime.audio import AudioEncoder
from gateway.realtime.items import Item
from gateway.realtime.server_events import Event
from gateway.realtime.session_config import SessionConfig


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """What the response's events need to know of a `response.create`. is_aside: the response is outside the
    conversation (`conversation: none`)."""

    metadata: Mapping[str, str] | None = None
    is_aside: bool = False
    has_speech: bool = True
    max_tokens: int | None = None
    has_tools: bool = False


@dataclass(slots=True)
class Response:
    """One response.

    sent_ms: the length of its sent audio. output: its items so far: calls, and the message, which is at `index`.
    before: id of an item in the output → id of the item before it in the conversation. places: the index of a call in
    the reply → its place in the output.
    """

    id: str
    request_id: str
    item: Item
    options: ResponseOptions
    encoder: AudioEncoder
    config: SessionConfig
    conversation_id: str
    sent_ms: float = 0.0
    has_audio: bool = False
    is_done: bool = False
    status: str = "in_progress"
    details: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    before: dict[str, str | None] = field(default_factory=dict)
    index: int = 0
    output: list[Item] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The response object."""
        output = self.config.audio.output.shown()
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": self.status,
            "status_details": self.details,
            "output": [item.shown() for item in self.output] if self.is_done else [],
            "conversation_id": None if self.options.is_aside else self.conversation_id,
            "output_modalities": ["audio"] if self.options.has_speech else ["text"],
            "max_output_tokens": self.options.max_tokens or "inf",
            "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
            "metadata": dict(self.options.metadata) if self.options.metadata is not None else None,
            "usage": self.usage,
        }

    def event(self, kind: str, **more: Any) -> Event:
        """An event about the content part of the response's message."""
        place = {"response_id": self.id, "item_id": self.item.id, "output_index": self.index, "content_index": 0}
        return {"type": f"response.{kind}", **place, **more}

    def call_place(self, place: int) -> dict[str, Any]:
        """The fields that say which item is at this place of the output, for an event about a call."""
        item = self.output[place]
        return {"response_id": self.id, "item_id": item.id, "output_index": place, "call_id": item.call_id}

    def output_event(self, kind: str, item: Item, index: int) -> Event:
        """An event about the item at this place of the output."""
        return {"type": f"response.{kind}", "response_id": self.id, "output_index": index, "item": item.shown()}

    @property
    def part(self) -> dict[str, Any]:
        """The only content part of the message, as `content_part.*` events show it."""
        return (
            {"type": "audio", "transcript": self.item.text}
            if self.options.has_speech
            else ({"type": "text", "text": self.item.text})
        )
