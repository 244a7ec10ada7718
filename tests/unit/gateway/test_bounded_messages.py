"""Every text that a client can send, or have stored, has a maximum length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from common.errors import InvalidInputError
from gateway.protocol import AnyClientMessage, read_client_message

SCHEMA = TypeAdapter(AnyClientMessage).json_schema()


def unbounded(node: Any, path: str = "") -> Iterator[str]:
    """The strings and lists of a JSON Schema that may have any length."""
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


def test_every_text_of_a_client_has_a_greatest_length() -> None:
    assert list(unbounded(SCHEMA)) == []
    assert list(unbounded({"a": {"type": "string", "pattern": "^(a-)*$"}})) == ["/a"]


@pytest.mark.parametrize("field", ["language", "native_language"])
def test_a_language_tag_is_short(field: str) -> None:
    assert read_client_message(f'{{"type": "start", "{field}": "zh-Hant-TW"}}')
    with pytest.raises(InvalidInputError):
        read_client_message(f'{{"type": "start", "{field}": "en{"-abcdefgh" * 1000}"}}')
