"""OpenAI's names for voices. Each name means the same voice over HTTP as in the Realtime API."""

from __future__ import annotations

import pytest

from gateway.openai_api.answers import ParameterError
from gateway.openai_api.voices import voice_for
from gateway.openai_common.voices import OPENAI_VOICES, voice_named

VOICES = [{"id": id_, "language": tag} for id_, tag in (("joe", "en-US"), ("ute", "de"), ("amy", "en-US"))]


def test_names_of_openai_stand_for_voices_of_the_default_language() -> None:
    assert voice_named("alloy", VOICES) == voice_named("Alloy", VOICES) == "joe"
    assert {voice_named(name, VOICES) for name in OPENAI_VOICES} == {"joe", "amy"}
    assert voice_named("ute", VOICES) == "ute"


def test_an_unknown_name_is_no_voice() -> None:
    assert voice_named("bob", VOICES) is None
    assert voice_named("alloy", []) is None
    with pytest.raises(ParameterError, match="there are: joe, ute, amy, and OpenAI's names"):
        voice_for("bob", VOICES)


@pytest.mark.parametrize("name", OPENAI_VOICES)
def test_over_http_a_name_means_the_same(name: str) -> None:
    assert voice_for(name, VOICES) == voice_named(name, VOICES)
