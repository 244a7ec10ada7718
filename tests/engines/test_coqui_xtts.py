"""Coqui's XTTS: a tiny model of random weights, in the real library, which streams the speech."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.engines.tiny_coqui import tiny_xtts
from tests.support.tts_contract import TEXT, TtsContract
from tests.support.tts_engines import engine_settings, say
from tts_service.engines.coqui import CoquiTts


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoquiTts]:
    engine = CoquiTts(engine_settings(tts_device="cpu"), str(tiny_xtts(tmp_path_factory.mktemp("xtts") / "model")))
    engine.load()
    yield engine
    engine.close()


class TestXtts(TtsContract):
    loudest_at_least = 0.01

    def reset_chance(self) -> None:
        torch.manual_seed(0)


def test_a_sentence_comes_in_pieces(engine: CoquiTts) -> None:
    assert len(say(engine, TEXT)) > 2


def test_each_speaker_speaks_each_language(engine: CoquiTts) -> None:
    assert [(voice.id, voice.language) for voice in engine.voices()] == [
        ("en:Claribel Dervla", "en"),
        ("en:Bo", "en"),
        ("fr:Claribel Dervla", "fr"),
        ("fr:Bo", "fr"),
    ]


def test_its_licence_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        CoquiTts(engine_settings(tts_device="cpu"), str(tiny_xtts(tmp_path / "model"))).load()
    assert "non-commercial use only" in caplog.text
