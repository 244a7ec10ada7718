"""The events that several modules send, still without their `event_id`."""

from __future__ import annotations

from typing import Any

from common.errors import ServiceError
from gateway.openai_common.errors import error_details
from gateway.realtime.items import Item

Event = dict[str, Any]


def error(problem: ServiceError, event_id: str | None = None) -> Event:
    """Something went wrong. event_id: the id of the client's event that caused it."""
    details = error_details(problem, param=getattr(problem, "param", None))
    return {"type": "error", "error": {**details, "event_id": event_id}}


def item_added(item: Item, previous_item_id: str | None) -> Event:
    """An item was added to the conversation."""
    return {"type": "conversation.item.added", "item": item.shown(), "previous_item_id": previous_item_id}


def item_done(item: Item, previous_item_id: str | None) -> Event:
    """The item is complete."""
    return {"type": "conversation.item.done", "item": item.shown(), "previous_item_id": previous_item_id}
