"""The items of a conversation, as the Realtime API shows them. An item and its turn in the history have the same id."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal

from gateway.history import Call, LearnerTurn, PartnerTurn, Turn, check_room
from gateway.realtime.errors import ClientError

Role = Literal["user", "assistant", "system"]
Kind = Literal["input_text", "input_audio", "output_text", "output_audio", "function_call", "function_call_output"]
ROOT = "root"
"""As a `previous_item_id`, this stands for the beginning of the conversation."""

# A client's message of the role `system` is a note to the partner. It becomes a message of the learner, because chat
# templates have no other place for it.
NOTE = "(A note to you, not from your friend: {text})"
MAX_TEXT = 32_000  # the most characters of a client's item
MAX_NAME = 256  # the most characters of the id or the name of a call
_KINDS: dict[Role, Kind] = {"user": "input_text", "assistant": "output_text", "system": "input_text"}
_SPOKEN: dict[Role, Kind] = {"user": "input_audio", "assistant": "output_audio"}
_MESSAGE_FIELDS = {"id", "type", "role", "content", "object", "status"}
_NO_APPROVAL = (
    "no call waits for an approval: over the Realtime API the partner can't use tools that need one. The operator can "
    "allow such a tool by name (`allow` in MCP_SERVERS); over /ws/conversation the learner can confirm its calls"
)
_NO_MCP_ITEMS = "calls of tools of MCP servers are made by the gateway, and are not items of the conversation"
_REFUSED = {
    "mcp_approval_request": _NO_APPROVAL,
    "mcp_approval_response": _NO_APPROVAL,
    "mcp_call": _NO_MCP_ITEMS,
    "mcp_list_tools": _NO_MCP_ITEMS,
}
"""Why a client's item of this type is refused."""


@dataclass(slots=True)
class Item:
    """A message, a call of a tool, or its result.

    text: the words, arguments or result; None while they are not known. is_kept: it has a turn of its own in the
    history. has_content: whether `shown` includes its content; a message of the partner begins without it. call_id: of
    a call or its result. name: of a call.
    """

    id: str
    role: Role
    kind: Kind
    text: str | None = ""
    is_kept: bool = True
    status: Literal["in_progress", "completed", "incomplete"] = "completed"
    has_content: bool = True
    call_id: str = ""
    name: str = ""

    def shown(self) -> dict[str, Any]:
        """The item object."""
        about = {"id": self.id, "object": "realtime.item", "type": self.kind, "status": self.status}
        match self.kind:
            case "function_call":
                return {**about, "call_id": self.call_id, "name": self.name, "arguments": self.text}
            case "function_call_output":
                return {**about, "call_id": self.call_id, "output": self.text}
        key = "transcript" if self.kind.endswith("audio") else "text"
        content = [{"type": self.kind, key: self.text}] if self.has_content else []
        return {**about, "type": "message", "role": self.role, "content": content}

    def as_turn(self, started_s: float) -> Turn:
        """A new turn for the history, with the item's text."""
        text = self.text or ""
        if self.kind == "function_call":
            call = Call(id=self.call_id, name=self.name, arguments=text)
            return PartnerTurn(turn_id=self.id, text="", generated_text="", started_s=started_s, call=call)
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

    def check_room(self) -> None:
        """Raises InvalidInputError if there are so many items that the client may create no more."""
        check_room(len(item.text or "") for item in self._items)

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Insert `item` after the item with the id `after`; None: at the end. Returns the id of the item before it.
        Raises ClientError."""
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

    def call(self, call_id: str, param: str) -> Item:
        """The latest call with this id. Raises ClientError if there is none."""
        for item in reversed(self._items):
            if item.kind == "function_call" and item.call_id == call_id:
                return item
        raise unknown_call(call_id, param)

    def delete(self, item: Item) -> None:
        """Remove the item."""
        self._items.remove(item)

    def kept_before(self, item: Item) -> str | None:
        """The nearest item before this one that has a turn of its own in the history; None if there is none."""
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


def items_of_turn(turn: Turn) -> list[Item]:
    """The items for a turn of an earlier connection. A call with a result gives two items."""
    match turn:
        case PartnerTurn(call=Call(id=call_id, name=name, arguments=arguments, output=output)):
            call = Item(turn.turn_id, "assistant", "function_call", arguments, call_id=call_id, name=name)
            return [call] if output is None else [call, _output_item(new_item_id(), call_id, output)]
        case LearnerTurn(typed=typed):
            return [Item(turn.turn_id, "user", "input_text" if typed else "input_audio", turn.text)]
        case PartnerTurn():
            return [Item(turn.turn_id, "assistant", "output_audio", turn.text)]


def _output_item(item_id: str, call_id: str, output: str) -> Item:
    """The result of a call. In the history it belongs to the call's turn."""
    return Item(item_id, "user", "function_call_output", output, is_kept=False, call_id=call_id)


def unknown_call(call_id: str, param: str) -> ClientError:
    """The error for an id that no call has."""
    return ClientError(f"there is no call {call_id!r} in this conversation", code="invalid_tool_call_id", param=param)


def new_item_id() -> str:
    """A new id."""
    return f"item_{secrets.token_hex(8)}"


def read_item(given: Mapping[str, Any], param: str = "item") -> Item:
    """A client's item: a message of text, a call or its result. Raises ClientError."""
    kind = given.get("type")
    if kind in ("function_call", "function_call_output"):
        return _read_call(given, param)
    if kind != "message":
        raise ClientError(
            _REFUSED.get(str(kind), f"items of type {str(kind)[:60]!r} can't be used here; send a `message`"),
            code="unsupported_parameter",
            param=f"{param}.type",
        )
    _refuse_unknown(given, _MESSAGE_FIELDS, param)
    role, content = given.get("role"), given.get("content")
    if not isinstance(role, str) or role not in _KINDS:
        raise ClientError(f"`role` is one of {', '.join(_KINDS)}", param=f"{param}.role")
    if not isinstance(content, list) or not content:
        raise ClientError("`content` is a list of at least one part", param=f"{param}.content")
    texts = [_text_of(part, role, f"{param}.content[{at}]") for at, part in enumerate(content)]
    if sum(map(len, texts)) > MAX_TEXT:
        raise ClientError(f"the item contains more than {MAX_TEXT} characters; send less", param=f"{param}.content")
    if not "".join(texts).strip():
        raise ClientError("the item contains no text", param=f"{param}.content")
    return Item(_item_id(given, param), role, _KINDS[role], " ".join(texts))


def _read_call(given: Mapping[str, Any], param: str) -> Item:
    """A call, or its result."""
    is_call = given["type"] == "function_call"
    names = ("call_id", "name", "arguments") if is_call else ("call_id", "output")
    _refuse_unknown(given, {"id", "type", "object", "status", *names}, param)
    for name in names:
        value = given.get(name)
        if not isinstance(value, str):
            raise ClientError(
                f"Missing required parameter: '{param}.{name}'.",
                code="missing_required_parameter",
                param=f"{param}.{name}",
            )
        if len(value) > MAX_TEXT or (name in ("call_id", "name") and not 0 < len(value) <= MAX_NAME):
            raise ClientError(f"`{name}` is too long, or empty", param=f"{param}.{name}")
    item_id, call_id = _item_id(given, param), given["call_id"]
    if is_call:
        return Item(item_id, "assistant", "function_call", given["arguments"], call_id=call_id, name=given["name"])
    return _output_item(item_id, call_id, given["output"])


def _refuse_unknown(given: Mapping[str, Any], known: Set[str], param: str) -> None:
    if unknown := given.keys() - known:
        name = f"{param}.{min(unknown)}"
        raise ClientError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)


def _item_id(given: Mapping[str, Any], param: str) -> str:
    """The id that the client has chosen, or a new one."""
    item_id = given.get("id")
    if item_id is not None and not (isinstance(item_id, str) and 0 < len(item_id) <= 64 and item_id != ROOT):
        raise ClientError("an id is a text of 1 to 64 characters", param=f"{param}.id")
    return item_id or new_item_id()


def _text_of(part: object, role: Role, param: str) -> str:
    """The text of a part. For a spoken part, which the client received from this server, it is the transcript."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if isinstance(part, Mapping) and kind == _SPOKEN.get(role) and isinstance(part.get("transcript"), str):
        return str(part["transcript"])
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
