"""What every speech engine must do; each runs on its real model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from common.errors import EngineError, InvalidInputError
from tests.support.tts import settings
from tts_service.engine import EngineAudio, TtsEngine
from tts_service.engines import ENGINES, choose_engine, create_engine
from tts_service.words import written_words

TEXT = "Of the many people I met in the U.S. in 2024, Doctor Lee was one of the best. Then we left!"


DEFAULT_ENVIRONMENT = ("piper",)  # the torch engines pass the same suite in theirs: tests/engines


@pytest.fixture(scope="module", params=DEFAULT_ENVIRONMENT)
def engine(request: pytest.FixtureRequest) -> Iterator[TtsEngine]:
    engine = create_engine(settings(), request.param)
    engine.load()
    yield engine
    engine.close()


def say(engine: TtsEngine, text: str, speed: float = 1.0) -> list[EngineAudio]:
    voice = engine.voices()[0]
    return list(engine.synthesize(text, voice=voice, speed=speed, language=""))


def test_it_says_what_it_is(engine: TtsEngine) -> None:
    description = engine.describe()
    assert description.engine in ENGINES
    assert description.model
    assert description.device == "cpu" or description.device.startswith("cuda:")
    voices = engine.voices()
    assert len({voice.id for voice in voices}) == len(voices) > 0
    assert all(8000 <= voice.sample_rate_hz <= 48_000 and voice.name and voice.language for voice in voices)
    assert {voice.language for voice in voices} == set(description.languages)


def test_audio_is_speech_between_silences(engine: TtsEngine) -> None:
    for piece in say(engine, TEXT):
        assert piece.pcm.dtype == np.float32
        assert piece.pcm.ndim == 1
        assert 0.1 < np.abs(piece.pcm).max() <= 1.0
        assert abs(piece.pcm[0]) < 0.01
        assert abs(piece.pcm[-1]) < 0.01


def test_every_word_is_timed_in_order(engine: TtsEngine) -> None:
    pieces = say(engine, TEXT)
    if len(pieces) == 1 and pieces[0].words is None:
        return
    words = [word for piece in pieces for word in piece.words or ()]
    assert [(word.text_start, word.text_end) for word in words] == written_words(TEXT)
    for piece in pieces:
        assert piece.words is not None
        assert all(0 <= word.start_sample < word.end_sample <= piece.pcm.size for word in piece.words)
        assert all(a.end_sample <= b.start_sample for a, b in itertools.pairwise(piece.words))


def test_speed_changes_the_length(engine: TtsEngine) -> None:
    slow, fast = (sum(piece.pcm.size for piece in say(engine, TEXT, speed)) for speed in (0.6, 1.6))
    assert slow > 1.7 * fast


@pytest.mark.parametrize("text", ["a", "3.14", "?! a", "x_y", "日本 hello", "a" * 300, "& co"])
def test_odd_texts_are_survived(engine: TtsEngine, text: str) -> None:
    pieces = say(engine, text)
    told = [(word.text_start, word.text_end) for piece in pieces for word in piece.words or ()]
    assert told == written_words(text) or all(piece.words is None for piece in pieces)


def test_closing_ends_the_work(engine: TtsEngine) -> None:
    pieces = engine.synthesize(TEXT, voice=engine.voices()[0], speed=1.0, language="")
    assert next(pieces).pcm.size
    pieces.close()  # type: ignore[attr-defined]  # iterators that adapters give are generators
    assert next(pieces, None) is None


def test_unknown_models_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="TTS_MODEL_NAME=nobody/knows"):
        choose_engine("nobody/knows")


def test_a_missing_voice_file_is_named() -> None:
    with pytest.raises(EngineError, match=r"/nowhere/voice\.onnx"):
        create_engine(settings(tts_model_name="/nowhere/voice.onnx")).load()


def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match="TTS_DEVICE=cuda:7"):
        create_engine(settings(tts_device="cuda:7")).load()
