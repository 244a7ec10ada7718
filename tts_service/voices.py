"""Choosing a voice. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import InvalidInputError
from common.languages import base
from tts_service.engine import EngineVoice


def speaks(voice: EngineVoice, language: str) -> bool:
    """Whether `voice` speaks `language`, a BCP-47 tag. "en" matches "en-US"; an empty tag matches every voice."""
    own, wanted = voice.language.lower(), language.lower()
    if "-" not in wanted:
        return not wanted or base(own) == base(wanted)
    return own == wanted or own.startswith(f"{wanted}-")


def spoken_language(voice: EngineVoice, language: str) -> str:
    """The tag by which to read a text in `language`: the voice's own tag if it matches, else `language`."""
    return voice.language if speaks(voice, language) else language


def choose_voice(voices: Sequence[EngineVoice], voice_id: str, language: str) -> EngineVoice:
    """The voice `voice_id` or, if that is empty, the first voice of `language`.

    If no voice has the country of `language`, a voice for another country is taken ("en-GB" for "en-US"). Raises
    InvalidInputError, which names the available voices or languages, if there is no such voice, if it speaks another
    language, or if no voice speaks `language`.
    """
    named = [voice for voice in voices if voice.id == voice_id] if voice_id else list(voices)
    for tag in (language, base(language)):
        for voice in named:
            if speaks(voice, tag):
                return voice
    same_language = [voice for voice in voices if speaks(voice, base(language))]
    if not same_language:
        raise InvalidInputError(f"no voice here speaks {language!r}; the voices here speak {_languages(voices)}")
    if not named:
        raise InvalidInputError(f"no voice {voice_id!r} here; there are: {_listed(same_language)}")
    raise InvalidInputError(
        f"voice {voice_id!r} speaks {named[0].language}, not {language!r}; these speak it: {_listed(same_language)}"
    )


def _listed(voices: Sequence[EngineVoice]) -> str:
    return ", ".join(f"{voice.id} ({voice.language})" for voice in voices)


def _languages(voices: Sequence[EngineVoice]) -> str:
    return ", ".join(sorted({voice.language for voice in voices}))
