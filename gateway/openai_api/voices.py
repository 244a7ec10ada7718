"""GET /v1/audio/voices, and the choice of a request's voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from gateway.openai_api.answers import ParameterError
from gateway.openai_api.dependencies import Context, RequestStack

router = APIRouter(tags=["audio"])

OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"),
)
"""OpenAI's own voices. Applications use these names without asking for the list of voices."""


@router.get("/audio/voices")
async def voices(context: Context, stack: RequestStack) -> dict[str, Any]:
    """The voices of the speech synthesis, the default first."""
    return {
        "object": "list",
        "data": [
            {"id": one["id"], "object": "audio.voice", "name": one["name"], "language": one["language"]}
            for one in await context.services.voices()
        ],
    }


def voice_for(wanted: str, voices: Sequence[Mapping[str, Any]]) -> str:
    """The id of the voice that `wanted` names. Raises ParameterError if there is none.

    voices: the voices of the speech synthesis, the default first. Each of OpenAI's names always stands for the same
    voice, which speaks the default voice's language; "alloy" is the default voice.
    """
    ids = [str(one["id"]) for one in voices]
    if wanted in ids:
        return wanted
    if wanted.lower() not in OPENAI_VOICES or not ids:
        listed = ", ".join(ids) or "none"
        raise ParameterError(f"there is no voice of this name; there are: {listed}, and OpenAI's names", "voice")
    alike = [str(one["id"]) for one in voices if one["language"] == voices[0]["language"]]
    return alike[OPENAI_VOICES.index(wanted.lower()) % len(alike)]
