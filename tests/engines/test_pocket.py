"""pocket-tts: a tiny random model, in the real library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import EngineError
from tests.engines.tiny_pocket import tiny_pocket
from tests.support.tts_contract import TEXT, TtsContract
from tests.support.tts_engines import engine_settings, say
from tts_service.engines.pocket import PocketTts


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketTts]:
    engine = PocketTts(engine_settings(tts_device="cpu"), str(tiny_pocket(tmp_path_factory.mktemp("pocket") / "model")))
    engine.load()
    yield engine
    engine.close()


class TestPocket(TtsContract):
    loudest_at_least = 0.0


def test_audio_comes_in_many_pieces(engine: PocketTts) -> None:
    assert len(say(engine, TEXT)) > 3


def test_voices_are_the_folders(engine: PocketTts) -> None:
    assert [(voice.id, voice.name, voice.language) for voice in engine.voices()] == [
        ("amy", "Amy", "en"),
        ("bo", "Bo", "en"),
    ]


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(EngineError, match=r"knows no klingon; it knows .*english"):
        PocketTts(engine_settings(tts_device="cpu"), "kyutai/pocket-tts:klingon").load()


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"config\.yaml"):
        PocketTts(engine_settings(tts_device="cpu"), str(tmp_path)).load()
