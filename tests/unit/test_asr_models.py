"""Which engine and which weights a model id stands for, and which settings are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from asr_service.engines import ENGINES, choose_engine
from asr_service.engines.faster_whisper import location
from tests.support.asr import asr_settings


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("openai/whisper-small", "small"),
        ("openai/whisper-medium", "medium"),
        ("openai/whisper-large-v3", "large-v3"),
        ("openai/whisper-large-v3-turbo", "large-v3-turbo"),
        ("openai/whisper-tiny.en", "tiny.en"),
        ("distil-whisper/distil-large-v3", "distil-large-v3"),
        ("distil-whisper/distil-large-v3.5-ct2", "distil-whisper/distil-large-v3.5-ct2"),
        ("Systran/faster-whisper-base", "Systran/faster-whisper-base"),
    ],
)
def test_ids_of_whisper_models(model: str, weights: str) -> None:
    assert choose_engine(model) == "faster-whisper"
    assert location(model) == weights


def test_without_an_id_the_bundled_model_is_taken() -> None:
    assert choose_engine("") in ENGINES
    assert (Path(location("")) / "model.bin").is_file()


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert choose_engine(str(tmp_path)) == "faster-whisper"
    assert location(str(tmp_path)) == str(tmp_path)


def test_an_unknown_id_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"nobody/nothing.*openai/whisper-\*"):
        choose_engine("nobody/nothing")


@pytest.mark.parametrize(
    "wrong",
    [
        {"asr_sample_rate": 8_000},
        {"asr_eager_silence_ms": 2_000},
        {"asr_end_silence_ms": 100},
        {"asr_min_silence_ms": 1_700},
        {"asr_max_silence_ms": 200},
        {"asr_max_turn_ms": 10},
        {"asr_port": 65_536},
        {"asr_threads": 0},
        {"asr_dtype": "int3"},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"asr_|ASR_"):
        asr_settings(**wrong)
