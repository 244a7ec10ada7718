"""What a prompt leaves out of a long conversation. Pure: `remembering` performs it.

A prompt may hold a conversation of a certain size. At two thirds of it, the next prompts are planned to begin later, so
that only a third is left. The model reads the shortened prompt before it is used. If it has found no time to do so when
the prompt is full, the shortened prompt is used all the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import LearnerTurn, Memory, Turn

# How many exchanges a small model sees at most: further back, it finds something to repeat.
SMALL_MODEL_EXCHANGES = 8


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a conversation a prompt holds: characters, and exchanges of a learner's turn and its reply."""

    chars: float
    exchanges: float = math.inf

    def holds(self, turns: Sequence[Turn]) -> bool:
        """Whether it is enough for these turns."""
        return (
            sum(len(turn.text) for turn in turns) <= self.chars
            and sum(isinstance(turn, LearnerTurn) for turn in turns) <= self.exchanges
        )


@dataclass(frozen=True, slots=True)
class Sizes:
    """most: what a prompt may hold. soft: from here on a shorter one is prepared. kept: what that one holds."""

    most: Size
    soft: Size
    kept: Size


def sizes(max_chars: int, *, is_small: bool) -> Sizes:
    """For a prompt of `max_chars`, to a small model or a larger one. The next exchange finds room beside them."""
    exchanges = SMALL_MODEL_EXCHANGES if is_small else math.inf
    return Sizes(
        most=Size(max_chars, exchanges - 1),
        soft=Size(max_chars * 2 / 3, exchanges - 2),
        kept=Size(max_chars / 3, exchanges / 2),
    )


def first_kept(turns: Sequence[Turn], left_out: int, size: Size) -> int:
    """Of turns of which the first are left out already: how many to leave out, so that `size` holds the rest.

    What is kept begins with a turn of the learner.
    """
    if size.holds(turns[left_out:]):
        return left_out
    for first in range(left_out + 1, len(turns)):
        if isinstance(turns[first], LearnerTurn) and size.holds(turns[first:]):
            return first
    return len(turns)


def next_memory(turns: Sequence[Turn], memory: Memory, wanted: Sizes) -> Memory:
    """What the next prompts hold; `memory` itself if that is good enough.

    They get a summary as soon as there is a newer one than they have.
    """
    if wanted.soft.holds(turns[memory.left_out :]):
        return memory.model_copy(update={"told": memory.summary})
    latest = max((number for number, turn in enumerate(turns) if isinstance(turn, LearnerTurn)), default=len(turns))
    left_out = max(memory.left_out, min(latest, first_kept(turns, memory.left_out, wanted.kept)))
    return memory.model_copy(update={"left_out": left_out, "told": memory.summary})
