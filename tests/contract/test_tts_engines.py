"""The speech engines that need neither PyTorch nor a network, on real models. See tests/engines for the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.errors import EngineError, InvalidInputError
from tests.support.tts import settings
from tests.support.tts_contract import TtsContract
from tts_service.engine import TtsEngine
from tts_service.engines import choose_engine, create_engine


class TestPiper(TtsContract):
    @pytest.fixture(scope="class")
    def engine(self) -> Iterator[TtsEngine]:
        engine = create_engine(settings(), "piper")
        engine.load()
        yield engine
        engine.close()


def test_unknown_models_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="TTS_MODEL_NAME=nobody/knows"):
        choose_engine("nobody/knows")


def test_a_missing_voice_file_is_named() -> None:
    with pytest.raises(EngineError, match=r"/nowhere/voice\.onnx"):
        create_engine(settings(tts_model_name="/nowhere/voice.onnx")).load()


def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match="TTS_DEVICE=cuda:7"):
        create_engine(settings(tts_device="cuda:7")).load()
