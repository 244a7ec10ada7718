"""The bundled model's copy in 8 bits."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quants

from common.smollm2 import PARTNER_ADAPTER, eight_bit_copy, find_smollm2
from llm_service.servers.eight_bits import FastReader, changes, in_eight_bits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "new"


@pytest.fixture(scope="module")
def original() -> FastReader:
    """The bundled model. Reading its vocabulary takes a second."""
    return FastReader(find_smollm2())


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Weights of 40 KB."""
    writer = GGUFWriter(weights := tmp_path / "small.Q4_1.gguf", "llama")
    numbers = np.random.default_rng(1).normal(size=(256, 256)).astype(np.float32)
    kind = GGMLQuantizationType.Q4_1
    writer.add_tensor("numbers", quants.quantize(numbers, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def kept(folder: Path) -> list[Path]:
    """The files that take disk space."""
    return [file for file in folder.iterdir() if file.stat().st_size]


def killed_after(written_bytes: int, weights: Path, folder: Path) -> None:
    """Make the copy in a process that the kernel kills when a file would exceed `written_bytes`."""
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from llm_service.servers.eight_bits import in_eight_bits\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({written_bytes}, {written_bytes}))\n"
        "in_eight_bits(*map(Path, sys.argv[1:]))"
    )
    ended = subprocess.run([sys.executable, "-c", script, weights, folder], check=False, timeout=60)
    assert ended.returncode == -signal.SIGXFSZ


def test_it_is_the_same_model(original: FastReader, folder: Path) -> None:
    copy = FastReader(in_eight_bits(find_smollm2(), folder))
    own = {name for name in original.fields if name.startswith("GGUF.")}
    assert original.fields.keys() - own == copy.fields.keys() - own
    for name in original.fields.keys() - own:
        assert original.fields[name].contents() == copy.fields[name].contents()
    assert len(original.tensors) == len(copy.tensors)
    for one, other in list(zip(original.tensors, copy.tensors, strict=True))[:40]:
        assert one.name == other.name
        assert "Q4" not in other.tensor_type.name
        before, after = (quants.dequantize(tensor.data, tensor.tensor_type) for tensor in (one, other))
        assert np.abs(after - before).max() <= np.abs(before).max() / 250


def test_it_is_made_once_and_nothing_else_is_left(folder: Path) -> None:
    copy = in_eight_bits(find_smollm2(), folder)
    made_at = copy.stat().st_mtime_ns
    assert in_eight_bits(find_smollm2(), folder) == copy
    assert copy.stat().st_mtime_ns == made_at
    assert kept(folder) == [copy]


def test_the_leftovers_of_killed_processes_are_overwritten(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    for written in (10_000, 5_000):
        killed_after(written, small, folder)
        assert len(kept(folder)) == 1
    copy = in_eight_bits(small, folder)
    assert kept(folder) == [copy]
    assert copy.stat().st_size > small.stat().st_size
    assert len(GGUFReader(copy).tensors) == 1


def test_of_those_who_come_at_once_each_gets_the_whole(small: Path, tmp_path: Path) -> None:
    def start(_: int) -> tuple[Path, int]:
        copy = in_eight_bits(small, tmp_path / "models")
        return copy, copy.stat().st_ino

    with ThreadPoolExecutor(8) as threads:
        started = set(threads.map(start, range(8)))
    ((copy, _),) = started
    assert copy != small
    assert kept(tmp_path / "models") == [copy]


def lora(path: Path, a: np.ndarray, b: np.ndarray, *, alpha: float) -> Path:
    """An adapter for the weight `numbers`."""
    writer = GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_tensor("numbers.lora_a", a.astype(np.float16))
    writer.add_tensor("numbers.lora_b", b.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def numbers_in(weights: Path) -> np.ndarray:
    (tensor,) = GGUFReader(weights).tensors
    return np.asarray(quants.dequantize(tensor.data, tensor.tensor_type))


def test_an_adapter_is_merged_into_a_copy_of_its_own(small: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    a, b = random.normal(size=(4, 256)), random.normal(size=(256, 4))
    plain = in_eight_bits(small, tmp_path)
    changed = in_eight_bits(small, tmp_path, lora(tmp_path / "lora.gguf", a, b, alpha=8.0))
    other = in_eight_bits(small, tmp_path, lora(tmp_path / "other.gguf", a, b, alpha=4.0))
    assert len({plain, changed, other}) == 3
    added = numbers_in(changed) - numbers_in(plain)
    assert np.abs(added - 8.0 / 4 * b @ a).max() < 0.3  # the largest values of `added` are above 20
    assert np.abs(added - 2 * (numbers_in(other) - numbers_in(plain))).max() < 0.6


def test_the_partners_adapter_fits_the_model(original: FastReader) -> None:
    weights = {tensor.name: tuple(tensor.shape) for tensor in original.tensors}
    changed = changes(PARTNER_ADAPTER)
    assert len(changed) == 7 * 30
    for name, change in changed.items():
        assert change.shape == weights[name][::-1]
        assert 0 < np.abs(change).max() < 1


def test_recognition_takes_the_copy_without_the_adapter(tmp_path: Path) -> None:
    weights = find_smollm2(tmp_path)
    eight_bit_copy(weights, tmp_path, PARTNER_ADAPTER).touch()
    assert find_smollm2(tmp_path) == weights == find_smollm2()
    (copy := eight_bit_copy(weights, tmp_path)).touch()
    assert find_smollm2(tmp_path) == copy


def test_where_no_copy_can_be_kept_the_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert in_eight_bits(find_smollm2(), tmp_path / "file") == find_smollm2()
