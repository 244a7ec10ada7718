"""Decides which turns the prompts of a long conversation leave out. Pure: `prompt_shortener` carries the decision out.

The size of a prompt is limited. When the conversation exceeds two thirds of the limit, a shorter prompt is planned,
which fills only a third of it. The model reads the shorter prompt before it is used. If the model has found no time for
that when the limit is reached, the shorter prompt is used anyway. For a small model, the number of exchanges is limited
as well, with other shares: see `sizes`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.history import LearnerTurn, Memory, Turn, call_in

# The weight of each byte of a character in UTF-8 after the first one, which weighs 1. So a Latin letter weighs 1.
# Models read about four Latin letters or two Cyrillic ones as one token, but a Chinese or Thai character as one to
# three tokens.
BYTE_WEIGHT = 1.5

# A call of a tool and its result together weigh at most this much, so that a long result does not push out the
# question. If the prompt is then too long for the model, the language model service leaves out the prompt's oldest
# messages.
CALL_WEIGHT = 1000

# The most exchanges that a small model sees. With more of them it repeats earlier replies.
SMALL_MODEL_EXCHANGES = 8


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a conversation fits into a prompt.

    chars: characters as `weight` counts them. exchanges: pairs of a learner's turn and its reply.
    """

    chars: float
    exchanges: float = math.inf

    def holds(self, turns: Sequence[Turn]) -> bool:
        """Whether these turns fit."""
        return (
            sum(map(_weight_of, turns)) <= self.chars
            and sum(isinstance(turn, LearnerTurn) for turn in turns) <= self.exchanges
        )


def _weight_of(turn: Turn) -> float:
    call = call_in(turn)
    return min(weight(f"{call.arguments}{call.output or ''}"), CALL_WEIGHT) if call else weight(turn.text)


def weight(text: str) -> float:
    """The length of the text for the model, counted in Latin letters. The number of tokens depends on the script."""
    return len(text) + BYTE_WEIGHT * (len(text.encode("utf-8", "replace")) - len(text))


@dataclass(frozen=True, slots=True)
class Sizes:
    """most: the limit of a prompt. soft: from this size on, a shorter prompt is prepared. kept: the size of the shorter
    prompt."""

    most: Size
    soft: Size
    kept: Size


def sizes(max_chars: int, *, is_small: bool) -> Sizes:
    """The sizes for a prompt of `max_chars`, for a small or a larger model. In exchanges, `most` and `soft` leave room
    for the next one."""
    exchanges = SMALL_MODEL_EXCHANGES if is_small else math.inf
    return Sizes(
        most=Size(max_chars, exchanges - 1),
        soft=Size(max_chars * 2 / 3, exchanges - 2),
        kept=Size(max_chars / 3, exchanges / 2),
    )


def first_kept(turns: Sequence[Turn], left_out: int, size: Size) -> int:
    """How many turns to leave out so that the rest fits into `size`. left_out: how many are already left out.

    If more turns are left out than before, the first kept turn is one of the learner's.
    """
    if size.holds(turns[left_out:]):
        return left_out
    for first in range(left_out + 1, len(turns)):
        if isinstance(turns[first], LearnerTurn) and size.holds(turns[first:]):
            return first
    return len(turns)


def next_memory(turns: Sequence[Turn], memory: Memory, wanted: Sizes) -> Memory:
    """The memory for the next prompts, with the newest summary. It equals `memory` if nothing needs to change."""
    if wanted.soft.holds(turns[memory.left_out :]):
        return memory.model_copy(update={"told": memory.summary})
    latest = max((number for number, turn in enumerate(turns) if isinstance(turn, LearnerTurn)), default=len(turns))
    left_out = max(memory.left_out, min(latest, first_kept(turns, memory.left_out, wanted.kept)))
    return memory.model_copy(update={"left_out": left_out, "told": memory.summary})
