"""The learner's lines and the address of the mesh, for both environments of `make test-peers`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import wave
from collections.abc import Callable
from pathlib import Path

from websockets.asyncio.client import connect

RATE_HZ = 24_000
FRAME_S = 0.04  # sent in real time, because the gateway compares the microphone with the partner's speech
LINES = {
    "market": "Yesterday I went to the market with my sister and we bought fresh vegetables.",
    "book": "Could you please tell me something about your favourite book?",
}
TIMEOUT_S = 60.0
LISTENS_S = 1.0  # silence before an interruption: the gateway needs it to find out that there is no echo
NAME = "My name is Maria."
TOO_LONG = "word " * 6000  # more than the model's context holds


def gateway() -> str:
    """The address of the mesh."""
    return os.environ["AITALK_PEERS_URL"]


def pcm(name: str) -> bytes:
    """A line as 16-bit mono PCM."""
    with wave.open(str(Path(os.environ["AITALK_PEERS_LINES"]) / f"{name}.wav")) as file:
        return bytes(file.readframes(file.getnframes()))


def understood(name: str, text: str) -> bool:
    """Whether nearly all words of the line are in the text."""
    said, heard = (re.findall(r"[a-z]+", line.lower()) for line in (LINES[name], text))
    return sum(word not in heard for word in said) <= 1


async def until(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = TIMEOUT_S,
    *,
    found: Callable[[], object] = lambda: "",
) -> None:
    """Wait until the condition holds. If that takes too long, the test fails with `what` and with what was
    found instead."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not seen within {timeout_s} s: {what}; found: {found()}") from None


async def session_that_was_left() -> tuple[str, str]:
    """Make a session in which the learner writes NAME, and close its connection. Returns the ids of the session and of
    the item."""
    content = [{"type": "input_text", "text": NAME}]
    item = {"type": "message", "role": "user", "content": content}
    async with connect(f"{gateway().replace('http', 'ws')}/v1/realtime") as socket:
        created = json.loads(await socket.recv())
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        while (event := json.loads(await socket.recv()))["type"] != "conversation.item.done":
            pass
    return str(created["session"]["id"]), str(event["item"]["id"])
