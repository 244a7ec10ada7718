"""GET /v1/audio/voices, and the choice of a request's voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from gateway.openai_api.answers import ParameterError
from gateway.openai_api.dependencies import Context, RequestStack
from gateway.openai_common.voices import voice_named

router = APIRouter(tags=["audio"])


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
    """The id of the voice that `wanted` names; see `voice_named`. Raises ParameterError if there is none."""
    if voice := voice_named(wanted, voices):
        return voice
    listed = ", ".join(str(one["id"]) for one in voices) or "none"
    raise ParameterError(f"there is no voice of this name; there are: {listed}, and OpenAI's names", "voice")
