"""Choosing a voice. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import InvalidInputError
from tts_service.engine import EngineVoice


def speaks(voice: EngineVoice, language: str) -> bool:
    """Is `voice` of `language`, a BCP-47 tag? "en" takes in "en-US"; empty takes in all."""
    own, wanted = voice.language.lower(), language.lower()
    return not wanted or own == wanted or own.startswith(f"{wanted}-")


def spoken_language(voice: EngineVoice, language: str) -> str:
    """The tag of what `voice` speaks when asked for `language`: its own, with its country, unless it speaks several."""
    return voice.language if speaks(voice, language) else language


def choose_voice(voices: Sequence[EngineVoice], voice_id: str, language: str) -> EngineVoice:
    """The voice asked for, or the first of the language (of another country rather than none).

    Raises InvalidInputError, listing the voices, if there is no such voice, or none of the language.
    """
    named = [voice for voice in voices if voice.id == voice_id] if voice_id else list(voices)
    if not named:
        raise InvalidInputError(f"no voice {voice_id!r} here; there are: {_listed(voices)}")
    for tag in (language, language.partition("-")[0]):
        for voice in named:
            if speaks(voice, tag):
                return voice
    what = f"voice {voice_id!r} does not speak {language!r}" if voice_id else f"no voice here speaks {language!r}"
    raise InvalidInputError(f"{what}; there are: {_listed(voices)}")


def _listed(voices: Sequence[EngineVoice]) -> str:
    return ", ".join(f"{voice.id} ({voice.language})" for voice in voices)
