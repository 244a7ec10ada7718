"""Finds the voice of the speech synthesis for a client's voice name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# OpenAI's voices, in the order in which they are assigned to ours.
NAMES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")


def voice_for(wanted: str, voices: Sequence[Mapping[str, Any]]) -> str:
    """The id of a voice. Each of OpenAI's names always gives the same voice, in the language of the default voice.

    voices: the synthesis's voices, the default first. An unknown name gives the default voice. The result is empty if
    there are no voices.
    """
    ids = [str(one["id"]) for one in voices]
    if wanted in ids:
        return wanted
    alike = [str(one["id"]) for one in voices if one["language"] == voices[0]["language"]]
    if not alike:
        return ""
    return alike[NAMES.index(wanted) % len(alike)] if wanted in NAMES else alike[0]
