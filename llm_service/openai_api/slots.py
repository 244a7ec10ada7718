"""Chooses the slot of llama.cpp for each request.

A slot holds the last prompt that was read in it. If a request goes to the slot of its own conversation, only its new
messages need to be read. Left alone, llama.cpp chooses the slot whose prompt has the longest common beginning with the
new one. That fails when a long conversation drops its oldest turns: the shortened prompt goes to another slot and is
read anew. In the slot of the conversation, llama.cpp moves the kept turns to the front (`n_cache_reuse`) and reads only
the last message. Only a request with a shortened prompt asks for this, because the cached state of the moved words
depends on the text that was before them: in another conversation, that text would be wrong.

    held       system, example, a, b, c, d, e
    own        system, example, a, b, c, d, e, f      the conversation goes on
    own        system, example, c, d, e, f            the oldest turns were left out
    not own    system, example, k, l, m               another conversation: the slot that was unused the longest
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

from llm_service.engine import Message

# A part of a prompt is moved if it has at least this many tokens. Shorter parts may be the same by chance.
MIN_MOVED = 16
# How many messages at the end of a prompt may be new if the conversation goes on: the partner's last words as they were
# heard, with a call in the same message; the result of the call; and the learner's words.
MOST_NEW = 3


class Slots:
    """The slots of one server that nobody else uses.

    count: how many it has for conversations; 0: the server chooses. has_another: it has one more slot, for requests
    with an adapter, which come one at a time. In a conversation's slot, such a request would discard what was read
    there.
    """

    def __init__(self, count: int, *, has_another: bool = False) -> None:
        self.count = count
        self.another = count if has_another else None
        self._another_is_free = asyncio.Semaphore(1)
        self._held: list[Sequence[Message]] = [()] * count
        self._free = list(range(count))  # the slot that was unused the longest comes first
        self._some_are_free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def take(self, prompt: Sequence[Message], *, has_adapter: bool = False) -> AsyncIterator[dict[str, int]]:
        """Wait for a slot and keep it for `prompt`. Yields the parameters that name the slot in the request; none if
        the server chooses."""
        if not self._held:
            yield {}
            return
        if has_adapter and self.another is not None:
            async with self._another_is_free:
                yield {"id_slot": self.another, "n_cache_reuse": 0}
            return
        async with self._some_are_free:
            slot = self._best_for(prompt)
            self._free.remove(slot)
            moves = is_shortened(self._held[slot], prompt)
            self._held[slot] = prompt
            try:
                yield {"id_slot": slot, "n_cache_reuse": MIN_MOVED if moves else 0}
            finally:
                self._free.append(slot)

    def _best_for(self, prompt: Sequence[Message]) -> int:
        own = [slot for slot in self._free if is_of_one_conversation(self._held[slot], prompt)]
        return max(own, key=lambda slot: _common(self._held[slot], prompt), default=self._free[0])


def is_of_one_conversation(held: Sequence[Message], prompt: Sequence[Message]) -> bool:
    """Whether `prompt` continues the conversation of the prompt `held`. Two conversations that begin alike look the
    same during their first turn."""
    same = _common(held, prompt)
    goes_on = same > 0 and len(held) - same <= 1 and len(prompt) - same <= MOST_NEW
    return goes_on or is_shortened(held, prompt)


def is_shortened(held: Sequence[Message], prompt: Sequence[Message]) -> bool:
    """Whether `prompt` contains neighbouring messages of the prompt `held`, but leaves out some before them."""
    same = _common(held, prompt)
    return not set(pairwise(held[same:])).isdisjoint(pairwise(prompt[same:]))


def _common(one: Sequence[Message], other: Sequence[Message]) -> int:
    """How many messages at the beginning are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
