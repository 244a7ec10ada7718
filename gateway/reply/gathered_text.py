"""A reply's text in fewer pieces: a model writes some fifty a second, and each costs three processes and the page more
than what is in it.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from common.errors import ServiceError

# A page that is told of words ten times a second shows them as they are written.
EVERY_S = 0.1
_WITHIN_WORDS = frozenset("'’-‐‑_&@#%*/\\")


async def gathered(
    deltas: AsyncIterator[str], now: Callable[[], float], can_wait: Callable[[], bool]
) -> AsyncGenerator[str]:
    """The same text: as it is written until it `can_wait`, as the voice knows by the next word that a sentence is over;
    then with the end of each clause, or every EVERY_S. Before an error of `deltas`, and at their end, what there is.
    """
    waiting, last_s = "", -math.inf
    try:
        async for delta in deltas:
            waiting += delta
            if not can_wait() or _ends_clause(delta) or now() - last_s >= EVERY_S:
                yield waiting
                waiting, last_s = "", now()
    except ServiceError:
        if waiting:
            yield waiting
        raise
    if waiting:
        yield waiting


def _ends_clause(delta: str) -> bool:
    """Whether there is punctuation in it, other than within words, or the end of a line."""
    return any(c == "\n" or (c not in _WITHIN_WORDS and unicodedata.category(c)[0] == "P") for c in delta)
