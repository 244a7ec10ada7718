"""The default speech engine, Piper, on the bundled voice, and what is refused when an engine is chosen or loaded.

Other engines: test_tts_edge.py, tests/languages (Kokoro) and tests/engines (those that need PyTorch)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.errors import EngineError, InvalidInputError
from tests.support.tts import settings
from tests.support.tts_contract import TtsContract
from tts_service.engine import TtsEngine
from tts_service.engines import build, choose_engine


@pytest.fixture(scope="module")
def engine() -> Iterator[TtsEngine]:
    engine = build(settings(), "")
    engine.load()
    yield engine
    engine.close()


class TestPiper(TtsContract):
    """The bundled voice."""


def test_unknown_models_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"TTS_MODEL_NAME=nobody/knows.*leave it empty for the bundled voice"):
        choose_engine("nobody/knows")


def test_a_missing_voice_file_is_named() -> None:
    with pytest.raises(EngineError, match=r"/nowhere/voice\.onnx"):
        build(settings(), "/nowhere/voice.onnx").load()


def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match="TTS_DEVICE=cuda:7"):
        build(settings(tts_device="cuda:7"), "").load()
