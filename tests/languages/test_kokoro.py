"""Kokoro with its real weights: what every engine must do, and that its voices are understood."""

from __future__ import annotations

import itertools

import pytest

from tests.languages.conftest import Speaker
from tests.support.transcription import word_error_rate
from tests.support.tts_contract import TtsContract
from tts_service.engine import TtsEngine

LINES = {
    "af_heart": "Yesterday I went to the market and bought some apples for my sister.",
    "bf_emma": "Yesterday I went to the market and bought some apples for my sister.",
    "ef_dora": "Ayer fui al mercado y compré unas manzanas para mi hermana.",
    "ff_siwis": "Hier, je suis allé au marché et j'ai acheté des pommes pour ma sœur.",
    "if_sara": "Ieri sono andata al mercato e ho comprato delle mele per mia sorella.",
    "pf_dora": "Ontem fui ao mercado e comprei umas maçãs para a minha irmã.",
}


class TestKokoro(TtsContract):
    """The published weights."""


@pytest.mark.parametrize("voice", LINES)
def test_a_voice_is_understood(speaker: Speaker, voice: str) -> None:
    (language,) = [one.language.partition("-")[0] for one in speaker.engine.voices() if one.id == voice]
    heard = speaker.hear(speaker.say(LINES[voice], voice))
    assert heard.language == language
    assert word_error_rate([LINES[voice]], [heard.text]) <= 0.1, heard.text


def test_words_are_timed_by_the_model_itself(engine: TtsEngine) -> None:
    voice = next(voice for voice in engine.voices() if voice.id == "ef_dora")
    pieces = list(engine.synthesize(LINES["ef_dora"], voice=voice, speed=1.0, language=""))
    assert not any(piece.timing_estimated for piece in pieces)
    starts = [word.start_sample for piece in pieces for word in piece.words or ()]
    assert all(before < after for before, after in itertools.pairwise(starts))
