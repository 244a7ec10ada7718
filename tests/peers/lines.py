"""What the tests say, and where to: the same in both environments."""

from __future__ import annotations

import asyncio
import os
import re
import wave
from collections.abc import Callable
from pathlib import Path

RATE_HZ = 24_000
FRAME_S = 0.04  # sent in real time, since the gateway compares the microphone with what the partner says
LINES = {
    "market": "Yesterday I went to the market with my sister and we bought fresh vegetables.",
    "book": "Could you please tell me something about your favourite book?",
}
TIMEOUT_S = 60.0


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


async def until(condition: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """Wait until it holds. Fails with `what` is missing."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not seen within {timeout_s} s: {what}") from None
