"""A copy of a GGUF file with 8-bit numbers in place of 4-bit ones, kept on the disk: the same model, but faster.

For Q8_0, llama.cpp has kernels that process several rows and tokens at once; for Q4_1 it has none. SmolLM2 reads 1.5
and writes 1.2 times as fast in 8 bits as in 4 (two cores, AVX2). The numbers stay the same to within a 250th of the
largest one in each block.

An adapter (LoRA) can be merged into the copy. llama.cpp can also apply an adapter at run time, but then SmolLM2 writes
a sixth more slowly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, ReaderField, quants

from common.smollm2 import eight_bit_copy

logger = logging.getLogger(__name__)

_SLOW, _FAST = GGMLQuantizationType.Q4_1, GGMLQuantizationType.Q8_0


class FastReader(GGUFReader):
    """Reads a GGUF file in a third of GGUFReader's time: slicing a plain array is faster than slicing a `memmap`."""

    @property
    def data(self) -> Any:
        """The file's bytes, as a plain array."""
        return self._data

    @data.setter
    def data(self, mapped: Any) -> None:  # GGUFReader sets it to the mapped file
        self._data = mapped.view(np.ndarray)


def in_eight_bits(weights: Path, folder: Path, adapter: Path | None = None) -> Path:
    """The 8-bit copy of `weights` in `folder`. If it is missing, it is made, which takes some seconds.

    adapter: a LoRA for these weights; it is merged into the copy. If several processes need the copy at once, one makes
    it and the others wait. If that process is killed, the next one starts over. Returns `weights` itself if the copy
    can't be written.
    """
    copy = eight_bit_copy(weights, folder, adapter)
    if copy.is_file():
        return copy
    try:
        with FileLock(folder / f".{copy.name}.lock"):  # makes the folder, too
            if not copy.is_file():
                _make(weights, copy, adapter)
    except OSError as error:
        logger.warning(
            "can't keep a faster copy of %s in %s (%s): using the file as it is", weights.name, folder, error
        )
        return weights
    return copy


def _make(weights: Path, copy: Path, adapter: Path | None) -> None:
    # always the same name, so that killed processes leave at most one file
    unfinished = copy.with_name(f".{copy.name}.unfinished")
    try:
        _write(weights, unfinished, changes(adapter) if adapter else {})
        unfinished.replace(copy)  # atomic: nobody sees half a copy
    finally:
        unfinished.unlink(missing_ok=True)


def changes(adapter: Path) -> Mapping[str, np.ndarray]:
    """What a LoRA in GGUF adds to each weight: name of the weight → array (outputs, inputs) of float32."""
    reader = FastReader(adapter)
    parts = {tensor.name: tensor.data.astype(np.float32) for tensor in reader.tensors}
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    pairs = {
        name.removesuffix(".lora_a"): (a, parts[name.removesuffix("a") + "b"])
        for name, a in parts.items()
        if name.endswith(".lora_a")
    }
    return {name: alpha / len(a) * (b @ a) for name, (a, b) in pairs.items()}


def _write(weights: Path, copy: Path, changed: Mapping[str, np.ndarray]) -> None:
    reader = FastReader(weights)
    writer = GGUFWriter(copy, reader.fields["general.architecture"].contents())
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":  # the writer adds these itself
            _copy_field(field, writer)
    for tensor in reader.tensors:
        data, kind = tensor.data, tensor.tensor_type
        if kind == _SLOW or tensor.name in changed:
            data, kind = quants.quantize(quants.dequantize(data, kind) + changed.get(tensor.name, 0), _FAST), _FAST
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _copy_field(field: ReaderField, writer: GGUFWriter) -> None:
    kind, *_ = field.types
    of = field.types[-1] if kind == GGUFValueType.ARRAY else None
    writer.add_key_value(field.name, field.contents(), kind, sub_type=of)
