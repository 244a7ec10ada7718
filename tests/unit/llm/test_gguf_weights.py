"""Which GGUF file a model's name means, and where it comes from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.errors import EngineError
from common.parted_file import PartedFile
from common.smollm2 import find_smollm2
from deploy.environments import LOCKS
from llm_service import gguf_weights
from llm_service.config import LlmSettings
from llm_service.gguf_weights import LAPTOP_MODEL, PARTED, GgufWeights, is_gguf

PATTERN = "*q4_k_m*.gguf"


def weights(model: str, cache: Path = Path("/nowhere"), revision: str = "", pattern: str = PATTERN) -> GgufWeights:
    return GgufWeights(model, cache, revision, pattern)


@pytest.fixture
def parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PartedFile:
    """A small file that replaces the weights of the profile `laptop`. Its two parts are installed."""
    for number in (1, 2):
        package = tmp_path / "packages" / f"small_part{number}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "part.bin").write_bytes(bytes([number]) * 1_000)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    file = PartedFile(
        "small-q4_k_m.gguf",
        2_000,
        hashlib.sha256(b"\1" * 1_000 + b"\2" * 1_000).hexdigest(),
        (("small_part1", "part.bin"), ("small_part2", "part.bin")),
    )
    monkeypatch.setattr(gguf_weights, "PARTED", {LAPTOP_MODEL: file})
    return file


def test_names_that_llama_cpp_serves() -> None:
    assert is_gguf("mine.gguf")
    assert is_gguf("Qwen/Qwen3-4B-GGUF")
    assert is_gguf("Qwen/Qwen2.5-3B-Instruct-GGUF@v1.2")
    assert not is_gguf("Qwen/Qwen2.5-7B-Instruct-AWQ")


def test_any_other_name_is_the_bundled_model() -> None:
    bundled = weights("Qwen/Qwen2.5-7B-Instruct-AWQ")
    assert bundled.is_bundled
    assert bundled.find() == bundled.fetch() == find_smollm2()
    assert bundled.label == ("SmolLM2-135M-Instruct", "q4_1")


def test_a_path_is_that_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no model file /nowhere/mine\.gguf"):
        weights("/nowhere/mine.gguf").fetch()
    path = tmp_path / "qwen2.5-1.5b-instruct-q8_0.gguf"
    path.touch()
    assert weights(str(path)).fetch() == path
    assert weights(str(path)).label == ("qwen2.5-1.5b-instruct", "q8_0")


def test_a_repository_is_labelled_by_its_id_and_pattern() -> None:
    assert weights("Qwen/Qwen3-4B-GGUF@main").label == ("Qwen/Qwen3-4B-GGUF", "q4_k_m")
    assert weights("Qwen/Qwen3-4B-GGUF", pattern="Qwen3-4B-Q8_0.gguf").label == ("Qwen/Qwen3-4B-GGUF", "q8_0")


def test_the_laptops_model_is_joined_from_its_packages(parted: PartedFile, tmp_path: Path) -> None:
    one = weights(LAPTOP_MODEL, tmp_path / "models")
    assert one.find() is None
    path = one.fetch()
    assert path.stat().st_size == 2_000
    assert one.find() == one.fetch() == path


@pytest.mark.parametrize(
    ("revision", "suffix", "pattern"), [("v1", "", PATTERN), ("", "@v1", PATTERN), ("", "", "*q8_0.gguf")]
)
def test_another_revision_or_file_is_not_the_one_in_the_packages(
    parted: PartedFile, revision: str, suffix: str, pattern: str
) -> None:
    assert weights(LAPTOP_MODEL + suffix, revision=revision, pattern=pattern).parted is None
    assert weights(LAPTOP_MODEL).parted == parted


def test_the_lock_has_every_part() -> None:
    locked = (LOCKS / "weights-laptop.txt").read_text()
    assert len(PARTED[LAPTOP_MODEL].parts) == 22
    for package, path in PARTED[LAPTOP_MODEL].parts:
        assert f"{package.replace('_', '-')}==0.2.0 " in locked
        assert path == f"data/part{int(package.rpartition('part')[2]):02}.bin"


@pytest.mark.parametrize("wrong", ["*q4_k_m*", "[qQ]4.gguf"])
def test_the_file_is_a_name_or_a_simple_pattern(wrong: str) -> None:
    with pytest.raises(ValidationError):
        LlmSettings(_env_file=None, llm_gguf_file=wrong)
