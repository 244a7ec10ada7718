"""The items of a conversation, as the Realtime API shows them. An item has the id of its turn in the history."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.history import LearnerTurn, PartnerTurn, Turn
from gateway.realtime.errors import ClientError

Role = Literal["user", "assistant", "system"]
Kind = Literal["input_text", "input_audio", "output_text", "output_audio"]
ROOT = "root"
"""The id that means the beginning of the conversation, where an event names an item's predecessor."""

# A client's note to the partner becomes a message of the learner, as chat templates have no other place for it.
NOTE = "(A note to you, not from your friend: {text})"
MAX_TEXT = 32_000  # characters of an item of the client's
_KINDS: dict[Role, Kind] = {"user": "input_text", "assistant": "output_text", "system": "input_text"}
_MESSAGE_FIELDS = {"id", "type", "role", "content", "object", "status"}


@dataclass(slots=True)
class Item:
    """One message. text: its words; None while they are not known. is_kept: it has a turn in the history."""

    id: str
    role: Role
    kind: Kind
    text: str | None = ""
    is_kept: bool = True
    status: Literal["in_progress", "completed", "incomplete"] = "completed"
    has_content: bool = True

    def shown(self) -> dict[str, Any]:
        """The item object."""
        key = "transcript" if self.kind.endswith("audio") else "text"
        content = [{"type": self.kind, key: self.text}] if self.has_content else []
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status,
            "role": self.role,
            "content": content,
        }

    def as_turn(self, started_s: float) -> Turn:
        """A new turn for the history, with the item's text."""
        text = self.text or ""
        if self.role == "assistant":
            return PartnerTurn(turn_id=self.id, text=text, generated_text=text, started_s=started_s)
        said = NOTE.format(text=text) if self.role == "system" else text
        return LearnerTurn(turn_id=self.id, text=said, started_s=started_s, typed=True)


class Items:
    """All items of one conversation."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Insert `item` behind the item `after`; None: at the end. Returns the id of the item before it. Raises
        ClientError."""
        if any(item.id == other.id for other in self._items):
            raise ClientError(
                f"there is an item {item.id!r} already; choose another id",
                code="item_create_duplicate_item_id",
                param="item.id",
            )
        at = len(self._items) if after is None else 0 if after == ROOT else self._index(after, "previous_item_id") + 1
        self._items.insert(at, item)
        return self._items[at - 1].id if at else None

    def find(self, item_id: str, param: str = "item_id", code: str = "item_not_found") -> Item:
        """The item. Raises ClientError if there is none."""
        return self._items[self._index(item_id, param, code)]

    def get(self, item_id: str) -> Item | None:
        """The item; None if there is none with this id."""
        return next((item for item in self._items if item.id == item_id), None)

    def delete(self, item: Item) -> None:
        """Remove the item."""
        self._items.remove(item)

    def kept_before(self, item: Item) -> str | None:
        """The nearest item before this one that has a turn in the history; None if there is none."""
        before = self._items[: self._items.index(item)]
        return next((one.id for one in reversed(before) if one.is_kept), None)

    @property
    def last_id(self) -> str | None:
        """The id of the last item; None if there is none."""
        return self._items[-1].id if self._items else None

    def is_last(self, item: Item) -> bool:
        """Whether no item follows."""
        return self._items[-1] is item

    def _index(self, item_id: str, param: str, code: str = "item_not_found") -> int:
        for at, item in enumerate(self._items):
            if item.id == item_id:
                return at
        raise ClientError(f"there is no item {item_id!r} in this conversation", code=code, param=param)


def item_of_turn(turn: Turn) -> Item:
    """The item for a turn of an earlier connection."""
    match turn:
        case LearnerTurn(typed=typed):
            return Item(turn.turn_id, "user", "input_text" if typed else "input_audio", turn.text)
        case PartnerTurn():
            return Item(turn.turn_id, "assistant", "output_audio", turn.text)


def new_item_id() -> str:
    """A new id."""
    return f"item_{secrets.token_hex(8)}"


def read_item(given: Mapping[str, Any], param: str = "item") -> Item:
    """A client's item: a message of text. Raises ClientError."""
    if (kind := given.get("type")) != "message":
        raise ClientError(
            f"items of type {str(kind)[:60]!r} can't be used here; send a `message`",
            code="unsupported_parameter",
            param=f"{param}.type",
        )
    if unknown := given.keys() - _MESSAGE_FIELDS:
        name = f"{param}.{min(unknown)}"
        raise ClientError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
    role, content, item_id = given.get("role"), given.get("content"), given.get("id")
    if not isinstance(role, str) or role not in _KINDS:
        raise ClientError(f"`role` is one of {', '.join(_KINDS)}", param=f"{param}.role")
    if not isinstance(content, list) or not content:
        raise ClientError("`content` is a list of at least one part", param=f"{param}.content")
    texts = [_text_of(part, role, f"{param}.content[{at}]") for at, part in enumerate(content)]
    if sum(map(len, texts)) > MAX_TEXT:
        raise ClientError(f"the item holds more than {MAX_TEXT} characters; send less", param=f"{param}.content")
    if not "".join(texts).strip():
        raise ClientError("the item holds no text", param=f"{param}.content")
    if item_id is not None and not (isinstance(item_id, str) and 0 < len(item_id) <= 64 and item_id != ROOT):
        raise ClientError("an id is a text of 1 to 64 characters", param=f"{param}.id")
    return Item(item_id or new_item_id(), role, _KINDS[role], " ".join(texts))


def _text_of(part: object, role: Role, param: str) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind != _KINDS[role]:
        raise ClientError(
            f'a part of an item of the role `{role}` is {{"type": "{_KINDS[role]}", "text": …}}; '
            "audio goes to `input_audio_buffer.append`, and images can't be used here",
            code="unsupported_parameter",
            param=f"{param}.type",
        )
    if not isinstance(text := part.get("text"), str):
        raise ClientError("`text` is missing", code="missing_required_parameter", param=f"{param}.text")
    return text
