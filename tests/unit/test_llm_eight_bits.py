"""The bundled model's copy in 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, quants

from common.smollm2 import find_smollm2
from llm_service.eight_bits import in_eight_bits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "new"


def test_it_is_the_same_model(folder: Path) -> None:
    original, copy = GGUFReader(find_smollm2()), GGUFReader(in_eight_bits(find_smollm2(), folder))
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
    assert list(folder.iterdir()) == [copy]


def test_where_no_copy_can_be_kept_the_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert in_eight_bits(find_smollm2(), tmp_path / "file") == find_smollm2()
