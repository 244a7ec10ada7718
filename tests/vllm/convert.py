"""`convert.py MODEL.gguf FOLDER`: converts a GGUF file to safetensors with a tokenizer, for vLLM. Runs in
.venv-vllm."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    origin = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    AutoTokenizer.from_pretrained(**origin).save_pretrained(folder)
    dequantised = AutoModelForCausalLM.from_pretrained(**origin)
    config = dequantised.config
    del config.quantization_config  # with it, the model can't be saved
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    plain.load_state_dict(dequantised.state_dict())
    plain.save_pretrained(folder)
    (folder / "config.json").touch()  # last, because `make` checks for this file


if __name__ == "__main__":
    main()
