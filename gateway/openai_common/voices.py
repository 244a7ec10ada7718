"""Finds the voice of the speech synthesis that a client names: by its id, or by one of OpenAI's voice names, which
applications use without asking for the list of voices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"),
)
"""OpenAI's own voices, in the order in which they are assigned to ours."""


def voice_named(wanted: str, voices: Sequence[Mapping[str, Any]]) -> str | None:
    """The id of the voice that `wanted` names; None if there is none.

    voices: the voices of the speech synthesis, the default first. Each of OpenAI's names always stands for the same
    voice, which speaks the default voice's language; "alloy" is the default voice.
    """
    ids = [str(one["id"]) for one in voices]
    if wanted in ids:
        return wanted
    if not ids or wanted.lower() not in OPENAI_VOICES:
        return None
    alike = [str(one["id"]) for one in voices if one["language"] == voices[0]["language"]]
    return alike[OPENAI_VOICES.index(wanted.lower()) % len(alike)]
