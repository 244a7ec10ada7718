"""The CPU time that a text frame costs before the gateway accepts or refuses it.

It is compared with the time in which Python's own parser reads as many bytes of numbers. By default, pydantic makes an
error for each wrong item of a list: for a megabyte of wrong items, that took more than a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import TypeAdapter

from common.errors import InvalidInputError
from gateway.openai_api.chat_request import ChatBody
from gateway.openai_api.speech import SpeechRequest
from gateway.protocol import AnyClientMessage, read_client_message
from gateway.realtime.client_events import AnyClientEvent, read_client_event
from gateway.realtime.session_config import SessionConfig

SIZE = 256 * 1024
ESCAPE, HALF = r"\u00e9", r"\ud800"
HOSTILE: dict[str, str] = {
    "nested lists": "[" * SIZE,
    "nested objects": '{"a":' * (SIZE // 5),
    "a long number": "9" * SIZE,
    "many numbers": f"[{'0,' * (SIZE // 2)}0]",
    "many objects": f"[{'{},' * (SIZE // 3)}{{}}]",
    "many names": "0," + ",".join(f'"{number}":0' for number in range(SIZE // 9)),
    "many escapes": f'"{ESCAPE * (SIZE // 6)}"',
    "half surrogates": f'"{HALF * (SIZE // 6)}"',
}
BEGINNINGS = ('{"type":"start","tools":', '{"type":"start","instructions":', '{"type":"text","text":')
EVENTS = (
    '{"type":"session.update","session":',
    '{"type":"conversation.item.create","item":{"content":',
    '{"type":"response.create","response":{"input":',
    '{"type":"input_audio_buffer.append","audio":',
)
CASES = [
    *((read_client_message, begin, name) for begin in BEGINNINGS for name in HOSTILE),
    *((read_client_event, begin, name) for begin in EVENTS for name in HOSTILE),
]
TIMES_NUMBERS = 20.0  # the highest that was measured is 8


def patient(node: Any) -> Iterator[str]:
    """The lists of any length, in a schema of pydantic's core, whose check goes on after the first wrong item."""
    if isinstance(node, list | tuple):
        for one in node:
            yield from patient(one)
    if not isinstance(node, dict):
        return
    is_fixed = node.get("type") == "tuple" and "variadic_item_index" not in node
    if node.get("type") in ("list", "tuple", "set", "frozenset") and not is_fixed and not node.get("fail_fast"):
        yield str({name: value for name, value in node.items() if name != "metadata"})
    for name, one in node.items():
        if name != "metadata":
            yield from patient(one)


@pytest.mark.parametrize("model", [AnyClientMessage, AnyClientEvent, SessionConfig, ChatBody, SpeechRequest])
def test_the_check_of_each_list_ends_at_the_first_wrong_item(model: Any) -> None:
    assert list(patient(TypeAdapter(model).core_schema)) == []


def test_a_list_whose_check_goes_on_is_found() -> None:
    assert len(list(patient(TypeAdapter(dict[str, list[int] | tuple[int, ...] | tuple[int]]).core_schema))) == 2


def cpu_s(read: Callable[[str], object], text: str) -> float:
    """The lowest CPU time of three tries. The text may be refused."""
    took = []
    for _ in range(3):
        began = time.thread_time()
        with suppress(InvalidInputError):
            read(text)
        took.append(time.thread_time() - began)
    return min(took)


@pytest.mark.parametrize(("read", "begin", "name"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_no_text_frame_costs_much_more_than_numbers_of_its_size(
    read: Callable[[str], object], begin: str, name: str
) -> None:
    text = begin + HOSTILE[name] + "}" * begin.count("{")
    numbers = f"[{'0,' * (len(text) // 2)}0]"
    assert cpu_s(read, text) < TIMES_NUMBERS * cpu_s(json.loads, numbers)
