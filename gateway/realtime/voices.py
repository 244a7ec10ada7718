"""Which voice of the speech synthesis a client's name for one stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# OpenAI's own voices, in the order in which they stand for ours.
NAMES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")


def voice_for(wanted: str, voices: Sequence[Mapping[str, Any]]) -> str:
    """The id of a voice. A name of OpenAI's stands for a voice of the default one's language, always the same.

    voices: those of the synthesis, the default first. It is also what an unknown name stands for; empty if there are no
    voices.
    """
    ids = [str(one["id"]) for one in voices]
    if wanted in ids:
        return wanted
    alike = [str(one["id"]) for one in voices if one["language"] == voices[0]["language"]]
    if not alike:
        return ""
    return alike[NAMES.index(wanted) % len(alike)] if wanted in NAMES else alike[0]
