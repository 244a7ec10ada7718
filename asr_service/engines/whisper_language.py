"""A learner who falls back into the mother tongue: when to doubt that the language is the one that was asked for.

A multilingual Whisper that is told the wrong language writes a poor translation, or noise, and is unsure of it. Only
then is it asked which language it hears, and if it is sure of that, decodes again; the better of the two is kept. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

UNSURE = -0.7
"""Mean log probability of a token below which a decode is doubted. Whisper's own code tries again below -1."""
CERTAIN = 0.6
"""Probability of a language from which on it is tried."""


class Decoded(Protocol):
    """What is needed of a segment of the library's."""

    @property
    def avg_logprob(self) -> float: ...

    @property
    def tokens(self) -> list[int]: ...


def confidence(segments: Sequence[Decoded]) -> float:
    """Mean log probability of a token; 0 where there are none."""
    tokens = sum(len(segment.tokens) for segment in segments)
    return sum(segment.avg_logprob * len(segment.tokens) for segment in segments) / max(1, tokens)


def is_doubtful(segments: Sequence[Decoded]) -> bool:
    """Whether to ask the model which language it hears."""
    return confidence(segments) < UNSURE


def is_worth_a_try(asked: str, heard: str, probability: float) -> bool:
    """Whether to decode again in the language that the model hears."""
    return heard != asked and probability >= CERTAIN


def is_better(again: Sequence[Decoded], before: Sequence[Decoded]) -> bool:
    """Whether the second decode, in the other language, takes the place of the first."""
    return any(segment.tokens for segment in again) and confidence(again) > confidence(before)
