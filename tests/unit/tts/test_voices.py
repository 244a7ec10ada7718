"""Which voice is chosen, and the error for an unknown one."""

from __future__ import annotations

import pytest

from common.errors import InvalidInputError
from tts_service.engine import EngineVoice
from tts_service.voices import choose_voice

VOICES = [
    EngineVoice(name, name, language, 24_000)
    for name, language in (("heart", "en-US"), ("emma", "en-GB"), ("dora", "es"), ("alex", "es"), ("siwis", "fr-FR"))
]


@pytest.mark.parametrize(
    ("voice", "language", "chosen"),
    [
        ("", "", "heart"),
        ("", "es", "dora"),
        ("", "es-MX", "dora"),
        ("", "fr", "siwis"),
        ("", "en-GB", "emma"),
        ("", "en-AU", "heart"),
        ("alex", "", "alex"),
        ("alex", "ES-mx", "alex"),
    ],
)
def test_a_voice_is_chosen_by_name_or_language(voice: str, language: str, chosen: str) -> None:
    assert choose_voice(VOICES, voice, language).id == chosen


@pytest.mark.parametrize(
    ("voice", "language", "said"),
    [
        ("", "de", "no voice here speaks 'de'; the voices here speak en-GB, en-US, es, fr-FR"),
        ("dora", "tlh", "no voice here speaks 'tlh'; the voices here speak en-GB, en-US, es, fr-FR"),
        ("eve", "es-MX", "no voice 'eve' here; there are: dora (es), alex (es)"),
        ("siwis", "es", "voice 'siwis' speaks fr-FR, not 'es'; these speak it: dora (es), alex (es)"),
        ("eve", "", "no voice 'eve' here; there are: heart (en-US), emma"),
    ],
)
def test_a_refusal_names_what_there_is(voice: str, language: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        choose_voice(VOICES, voice, language)
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize("language", ["nb", "no", "no-NO", "nb-NO"])
def test_the_two_tags_of_norwegian_get_the_same_voice(language: str) -> None:
    norwegian = EngineVoice("pernille", "pernille", "nb-NO", 24_000)
    assert choose_voice([*VOICES, norwegian], "", language) is norwegian
