"""Which language models are small: they get a shorter prompt, a lower temperature, and fewer tasks."""

from __future__ import annotations

SMALL_PARAMETERS = 500_000_000


def is_small(parameters: int) -> bool:
    """Whether a model with this many parameters is small. 0: the number is unknown, and the model counts as large."""
    return 0 < parameters < SMALL_PARAMETERS
