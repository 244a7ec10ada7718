"""Measures for some seconds how fast a language model reads and writes on this machine's CPU, and stores the figures.

The engine is the one that llm_service would start, with the same threads, so the figures are valid for conversations.
They are stored with the models, in `language-model-speeds.json`, by the model's file and the CPU.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from common.errors import EngineError
from llm_service.engine import Done, GenerationRequest, LlmEngine, Message

TIMED_S = 2.0
FILE = "language-model-speeds.json"

_SYSTEM = Message("system", "You are a friend who likes to talk. Answer in short, simple sentences.")
_SENTENCES = (
    "yesterday I went to the market with my sister because we wanted to buy some fresh bread and a big cake, and then"
    " we met an old friend who told us a long story about her holiday by the sea."
)
_WRITE = "Tell me a long story about a dog."
_WRITTEN_TOKENS = 64  # in one reply
_MOST_REPLIES = 100


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second."""

    read_per_s: float
    written_per_s: float

    def seconds(self, *, read: int, written: int) -> float:
        """How long it takes to read and write this many tokens."""
        return read / self.read_per_s + written / self.written_per_s


async def time_engine(engine: LlmEngine, clock: Callable[[], float] = time.perf_counter) -> Speed:
    """The speed of a started engine, from at least two seconds of reading and at least two seconds of writing."""
    await _read(engine, 0, clock)  # first read the instructions, which then stay in the cache, as in a conversation
    tokens, seconds, number = 0, 0.0, 0
    while seconds < TIMED_S:
        number += 1
        read, took = await _read(engine, number, clock)
        tokens, seconds = tokens + read, seconds + took
    return Speed(round(tokens / seconds, 1), round(await _written_per_s(engine, clock), 1))


async def _read(engine: LlmEngine, number: int, clock: Callable[[], float]) -> tuple[int, float]:
    """How many tokens of a new message (about 40) were read, and the seconds until the first word of the answer."""
    began = clock()
    request = GenerationRequest((_SYSTEM, Message("user", f"{number} days before {_SENTENCES}")), 1, 0.0)
    async with aclosing(engine.stream(request)) as events:
        async for event in events:
            if isinstance(event, Done):
                return max(1, event.usage.prompt_tokens - event.usage.cached_prompt_tokens), clock() - began
    raise AssertionError("a reply always ends with Done")


async def _written_per_s(engine: LlmEngine, clock: Callable[[], float]) -> float:
    tokens, seconds, number = 0, 0.0, 0
    while seconds < TIMED_S:
        number += 1
        if number > _MOST_REPLIES:
            raise EngineError("the model ends its replies before it has written two seconds' worth of words")
        begun: float | None = None
        async for now in _written(engine, number, clock):
            if begun is None:
                begun, before = now, (tokens, seconds)
                continue
            tokens, seconds = tokens + 1, before[1] + now - begun
            if seconds >= TIMED_S:
                break
    return tokens / seconds


async def _written(engine: LlmEngine, number: int, clock: Callable[[], float]) -> AsyncIterator[float]:
    """The times at which the tokens of a reply were written."""
    request = GenerationRequest((_SYSTEM, Message("user", _WRITE)), _WRITTEN_TOKENS, 0.7, seed=number)
    async with aclosing(engine.stream(request)) as events:
        async for event in events:
            if not isinstance(event, Done):
                yield clock()


def cpu_label(threads: int) -> str:
    """A label for this machine's CPU: the kernel's name for it, the number of CPUs, and the threads used."""
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        named = None
    name = named[1] if named else platform.machine()
    return f"{name}, {len(os.sched_getaffinity(0))} CPUs, {threads} threads"


class KeptSpeeds:
    """The stored figures of one models folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, weights: Path, cpu: str) -> Speed | None:
        """The figure for this file on this CPU; None if there is none."""
        try:
            return Speed(**self._all()[_key(weights)][cpu])
        except (KeyError, TypeError):
            return None

    def put(self, weights: Path, cpu: str, speed: Speed) -> None:
        """Store a figure. Raises OSError if the folder can't be written."""
        with FileLock(self._folder / f".{FILE}.lock"):
            speeds = self._all()
            speeds.setdefault(_key(weights), {})[cpu] = asdict(speed)
            unfinished = self._folder / f".{FILE}.unfinished"
            unfinished.write_text(json.dumps(speeds, indent=2))
            unfinished.replace(self._folder / FILE)

    def _all(self) -> dict[str, dict[str, Any]]:
        """All figures; none if the file is missing or damaged, so that everything is measured again."""
        try:
            found = json.loads((self._folder / FILE).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _key(weights: Path) -> str:
    return f"{weights.name} ({weights.stat().st_size} bytes)"
