"""A LoRA of SmolLM2 as a GGUF file, as llama.cpp reads it.

Each matrix W of a layer becomes W + alpha / rank · B A, with A: (rank, inputs) and B: (outputs, rank). llama.cpp keeps
the rows of the query and key matrices in a different order from transformers: llama.cpp rotates pairs of neighbouring
numbers, transformers rotates pairs from the first and second half of a head.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFWriter

MODULES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
"""The matrices that the adapter changes: their names in transformers and in llama.cpp."""
_HEADS = {"q_proj": 9, "k_proj": 3}


def write(model: Any, path: Path, *, rank: int, alpha: int) -> None:
    """Write the LoRA of a PEFT model."""
    writer = GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_name(path.stem)
    writer.add_license("apache-2.0")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    writer.add_uint32("training.rank", rank)
    for name, module in _layers(model):
        a, b = (matrix["default"].weight.detach().numpy() for matrix in (module.lora_A, module.lora_B))
        writer.add_tensor(f"{_gguf_name(name)}.lora_a", a.astype(np.float16))
        writer.add_tensor(f"{_gguf_name(name)}.lora_b", paired(b, _heads(name)).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load_into(model: Any, path: Path) -> None:
    """Set the LoRA of a PEFT model from a file that `write` made."""
    import torch

    tensors = {tensor.name: np.array(tensor.data, dtype=np.float32) for tensor in GGUFReader(path).tensors}
    for name, module in _layers(model):
        a, b = tensors[f"{_gguf_name(name)}.lora_a"], tensors[f"{_gguf_name(name)}.lora_b"]
        module.lora_A["default"].weight.data = torch.from_numpy(a)
        module.lora_B["default"].weight.data = torch.from_numpy(halved(b, _heads(name)))


def paired(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows in llama.cpp's order, made from transformers' order. rows: (heads · size, columns). heads: 0 if both orders
    are the same."""
    if not heads:
        return rows
    return np.ascontiguousarray(rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape))


def halved(rows: np.ndarray, heads: int) -> np.ndarray:
    """The reverse of `paired`."""
    if not heads:
        return rows
    return np.ascontiguousarray(rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape))


def _layers(model: Any) -> list[tuple[str, Any]]:
    return [(name, module) for name, module in model.named_modules() if hasattr(module, "lora_A")]


def _heads(name: str) -> int:
    return _HEADS.get(name.rpartition(".")[2], 0)


def _gguf_name(name: str) -> str:
    """`….layers.3.self_attn.q_proj` → `blk.3.attn_q.weight`."""
    parts = name.split(".")
    return f"blk.{parts[parts.index('layers') + 1]}.{MODULES[parts[-1]]}.weight"
