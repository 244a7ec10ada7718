"""Coqui's VITS with one voice and with several, and Tacotron2 with a vocoder: tiny random models in the real
library."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import EngineError
from tests.engines.tiny_coqui import tiny_tacotron2, tiny_vits
from tests.support.tts_contract import TEXT, TtsContract
from tests.support.tts_engines import engine_settings, say
from tts_service.engine import TtsEngine
from tts_service.engines.coqui import CoquiTts


def loaded(folder: Path) -> CoquiTts:
    engine = CoquiTts(engine_settings(tts_device="cpu"), str(folder))
    engine.load()
    return engine


@pytest.fixture(scope="module", params=["vits", "vits of two", "tacotron2"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TtsEngine]:
    folder = tmp_path_factory.mktemp("coqui") / "model"
    match request.param:
        case "vits":
            tiny_vits(folder)
        case "vits of two":
            tiny_vits(folder, ("amy", "bo"))
        case _:
            tiny_tacotron2(folder)
    engine = loaded(folder)
    yield engine
    engine.close()


class TestCoqui(TtsContract):
    loudest_at_least = 0.01

    def test_sentences_come_one_by_one(self, engine: TtsEngine) -> None:
        assert len(say(engine, TEXT)) == 2


def test_voices_are_the_models_speakers(tmp_path: Path) -> None:
    engine = loaded(tiny_vits(tmp_path / "model", ("amy", "bo")))
    assert [(voice.id, voice.name, voice.language) for voice in engine.voices()] == [
        ("amy", "amy", "en"),
        ("bo", "bo", "en"),
    ]


def test_a_vits_is_given_time_for_its_words_by_its_own_durations(tmp_path: Path) -> None:
    (piece,) = say(loaded(tiny_vits(tmp_path / "model")), "One, and a very long word: incomprehensibilities.")
    lengths = [word.end_sample - word.start_sample for word in piece.words or ()]
    assert not piece.timing_estimated
    assert lengths[6] > 3 * lengths[2]


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"needs config\.json and model\.pth"):
        loaded(tmp_path)


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    folder = tiny_vits(tmp_path / "model")
    (folder / "model.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(EngineError, match="is the checkpoint complete"):
        loaded(folder)


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(EngineError, match="tts_models/en/nobody/knows: Coqui's list has no such model"):
        CoquiTts(engine_settings(tts_device="cpu"), "tts_models/en/nobody/knows").load()


def test_the_licence_is_never_asked_for_at_a_prompt(tmp_path: Path) -> None:
    settings = engine_settings(tts_device="cpu", models_cache_dir=tmp_path)
    with pytest.raises(EngineError, match="COQUI_TOS_AGREED=1"):
        CoquiTts(settings, "tts_models/multilingual/multi-dataset/xtts_v2").load()


def test_a_gpu_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="TTS_DEVICE=cuda:99"):
        CoquiTts(engine_settings(tts_device="cuda:99"), str(tmp_path)).load()


def test_the_cache_is_where_it_was_told_to_be(tmp_path: Path) -> None:
    """A model that Coqui's manager fetched earlier is found under MODELS_CACHE_DIR."""
    name = "tts_models/en/ljspeech/vits"
    tiny_vits(tmp_path / "tts" / name.replace("/", "--"))
    engine = CoquiTts(engine_settings(tts_device="cpu", models_cache_dir=tmp_path), name)
    engine.load()
    assert [voice.id for voice in engine.voices()] == ["ljspeech"]
    assert say(engine, "Hello there.")[0].pcm.size


def test_nothing_said_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = loaded(tiny_vits(tmp_path / "model"))
    with caplog.at_level(logging.DEBUG):
        say(engine, "Secret § words")
    assert "ecret" not in caplog.text
