"""The port that tells which languages the model servers know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KnownLanguages:
    """BCP-47 tags. spoken: the voices' languages. heard: the languages that recognition knows. Empty: unknown, so any
    language may work."""

    spoken: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()


class Languages(Protocol):
    """What the model servers say about their languages."""

    async def languages(self) -> KnownLanguages:
        """The current languages. Raises nothing: what a server doesn't report is empty."""
        ...


class AnyLanguage:
    """Nothing is known about the languages."""

    async def languages(self) -> KnownLanguages:
        """Any may work."""
        return KnownLanguages()
