"""Whisper's language codes, and when to check whether the learner speaks another language than expected. Pure.

A multilingual Whisper that is told the wrong language writes a poor translation, or noise, and has a low confidence in
it. Then the engine asks the model which language it hears. If the model is sure of another language, the engine decodes
again in that language and keeps the better result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from common.languages import WHISPER_CODES

UNSURE = -0.7
"""A decode is doubtful if the mean log probability of its tokens is below this. Whisper itself tries again below -1."""
CERTAIN = 0.6
"""A language is tried if its probability is at least this."""


class Decoded(Protocol):
    """What this module needs of a segment of faster-whisper."""

    @property
    def avg_logprob(self) -> float:
        """Mean log probability of the segment's tokens."""

    @property
    def tokens(self) -> list[int]:
        """Ids of the segment's tokens."""


def with_other_tags(codes: Sequence[str]) -> tuple[str, ...]:
    """Whisper's codes, and the BCP-47 tags of languages for which Whisper's code differs."""
    return (*codes, *(tag for tag, code in WHISPER_CODES.items() if code in codes))


def confidence(segments: Sequence[Decoded]) -> float:
    """Mean log probability of the tokens; 0 if there are none."""
    tokens = sum(len(segment.tokens) for segment in segments)
    return sum(segment.avg_logprob * len(segment.tokens) for segment in segments) / max(1, tokens)


def is_doubtful(segments: Sequence[Decoded]) -> bool:
    """Whether the model should be asked which language it hears."""
    return confidence(segments) < UNSURE


def is_worth_a_try(asked: str, heard: str, probability: float) -> bool:
    """Whether to decode again in the language `heard`. asked: the expected language. probability: of `heard`, 0 to
    1."""
    return heard != asked and probability >= CERTAIN


def is_better(again: Sequence[Decoded], before: Sequence[Decoded]) -> bool:
    """Whether the second decode, in the other language, is better than the first."""
    return any(segment.tokens for segment in again) and confidence(again) > confidence(before)
