"""Reads the tool calls in a server's reply tolerantly. Pure.

data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "look"}}]}}]}
data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\\"at\\": 1}"}}]}}]}

Servers send the arguments in pieces or whole, as text or as an object. Some leave out the index or the id, send null
for either, give all calls the same index, repeat the name in each piece, or use the older `function_call`.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from llm_service.tools import CallDelta


def new_call_id() -> str:
    """An id for a call, for servers that give none."""
    return f"call_{secrets.token_hex(8)}"


class CallReader:
    """Reads the calls of one reply."""

    def __init__(self) -> None:
        self._arguments: list[str] = []  # the arguments of each call so far
        self._places: dict[int | str, int] = {}  # the server's index or id → our index
        self._ids: dict[int | str, str] = {}  # the server's index or id → the id of the latest call with it
        self._latest: int | str = ""

    @property
    def count(self) -> int:
        """How many calls have begun."""
        return len(self._arguments)

    def read(self, piece: dict[str, Any]) -> list[CallDelta]:
        """The pieces of calls in a `delta` or `message`."""
        given = piece.get("tool_calls")
        calls = [call for call in given if isinstance(call, dict)] if isinstance(given, list) else []
        if not calls and isinstance(legacy := piece.get("function_call"), dict):
            calls = [{"index": 0, "function": legacy}]
        return [delta for call in calls if (delta := self._piece(call))]

    def finish(self) -> list[CallDelta]:
        """Finish the reply: a call without arguments gets empty ones."""
        return [CallDelta(at, arguments="{}") for at, text in enumerate(self._arguments) if not text.strip()]

    def _piece(self, call: dict[str, Any]) -> CallDelta | None:
        function = call["function"] if isinstance(call.get("function"), dict) else call
        call_id, name, arguments = _text(call.get("id")), _text(function.get("name")), _json(function.get("arguments"))
        key = self._key(call.get("index"), call_id, name)
        if not (name and self._begins(key, call_id, arguments)):
            return self._more(key, arguments)
        self._places[key], self._ids[key], self._latest = self.count, call_id, key
        self._arguments.append(arguments)
        return CallDelta(self._places[key], call_id or new_call_id(), name, arguments)

    def _key(self, index: object, call_id: str, name: str) -> int | str:
        """What identifies this call among the others."""
        if isinstance(index, int | str):
            return index
        return call_id or (f"call {self.count}" if name else self._latest)

    def _begins(self, key: int | str, call_id: str, arguments: str) -> bool:
        """Whether a piece with a name begins a call. Some servers repeat the name, others give all calls the same
        index."""
        if key not in self._places or (call_id and call_id != self._ids[key]):
            return True
        return bool(arguments) and _is_complete(self._arguments[self._places[key]])

    def _more(self, key: int | str, arguments: str) -> CallDelta | None:
        if key not in self._places or not arguments:
            return None
        self._arguments[self._places[key]] += arguments
        return CallDelta(self._places[key], arguments=arguments)


def _is_complete(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _json(value: object) -> str:
    """The arguments as text, because some servers send an object."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
