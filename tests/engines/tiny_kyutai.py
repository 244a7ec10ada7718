"""A Kyutai TTS checkpoint of random weights, of any size, in the layout of kyutai/tts-1.6b-en_fr."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from moshi.models import loaders
from safetensors.torch import save_file

_CODEBOOKS = 4
_TEXT = (
    "the quick brown fox jumps over a lazy dog while many people walk along the river and talk about what they like",
    "of the in and to a was one best then we left doctor lee met two can speak at once hello there how are you",
)

TINY: dict[str, Any] = {
    "card": 16,
    "n_q": _CODEBOOKS,
    "dep_q": _CODEBOOKS,
    "delays": [0, 0, *[2] * (_CODEBOOKS - 1)],
    "dim": 32,
    "text_card": 64,
    "text_card_out": 5,
    "existing_text_padding_id": 3,
    "num_heads": 2,
    "num_layers": 2,
    "hidden_scale": 2,
    "causal": True,
    "layer_scale": None,
    "context": 50,
    "max_period": 10000,
    "gating": "silu",
    "norm": "rms_norm_f32",
    "positional_embedding": "rope",
    "depformer_dim": 16,
    "depformer_num_heads": 2,
    "depformer_num_layers": 1,
    "depformer_dim_feedforward": 32,
    "depformer_multi_linear": True,
    "depformer_pos_emb": "none",
    "depformer_weights_per_step": True,
    "depformer_low_rank_embeddings": 8,
    "demux_second_stream": True,
    "cross_attention": True,
    "conditioners": {
        "speaker_wavs": {"type": "tensor", "tensor": {"dim": 16}},
        "control": {"type": "lut", "lut": {"n_bins": 4, "dim": 8, "tokenizer": "noop", "possible_values": ["ok"]}},
        "cfg": {
            "type": "lut",
            "lut": {"n_bins": 8, "dim": 8, "tokenizer": "noop", "possible_values": ["1.0", "2.0", "3.0"]},
        },
    },
    "fuser": {"cross_attention_pos_emb": False, "sum": ["control", "cfg"], "cross": ["speaker_wavs"]},
    "tts_config": {"audio_delay": 0.32, "second_stream_ahead": 2},
    "model_id": {"sig": "0123abcd", "epoch": 1},
    "model_type": "tts",
}


def tiny_mimi() -> dict[str, Any]:
    """A configuration of Mimi that is narrow but has the real frame rate."""
    mimi: dict[str, Any] = copy.deepcopy(loaders._mimi_config)
    mimi["seanet"].update(dimension=16, n_filters=2)
    mimi["transformer"].update(
        d_model=16, num_heads=2, num_layers=1, dim_feedforward=16, input_dimension=16, output_dimensions=[16]
    )
    mimi["quantizer"].update(dimension=8, n_q=_CODEBOOKS, bins=16, input_dimension=16, output_dimension=16)
    return mimi


def tiny_kyutai(folder: Path, config: dict[str, Any] = TINY, mimi: dict[str, Any] | None = None) -> Path:
    """Write a checkpoint with two voices into `folder`. Returns the folder."""
    folder.mkdir(parents=True)
    mimi = mimi or tiny_mimi()
    train_tokenizer(folder, int(config["text_card"]))
    extras = ("tts_config", "model_id", "model_type")
    lm_config = {name: value for name, value in copy.deepcopy(config).items() if name not in extras}
    lm = loaders.get_moshi_lm(None, lm_config, dtype=torch.float32)
    save_file(_tensors(lm), folder / "model.safetensors")
    codec = loaders.get_mimi(None, mimi, num_codebooks=int(config["n_q"]))
    save_file(_tensors(codec), folder / "mimi.safetensors")
    names = {"mimi_name": "mimi.safetensors", "mimi_config_name": "mimi.json", "tokenizer_name": "tokenizer.model"}
    (folder / "mimi.json").write_text(json.dumps(mimi))
    (folder / "config.json").write_text(json.dumps({**config, **names}))
    identity, dimension = config["model_id"], int(config["conditioners"]["speaker_wavs"]["tensor"]["dim"])
    for voice in ("expresso/amy.wav", "cml-tts/fr/bo.wav"):
        path = folder / "voices" / f"{voice}.{identity['sig']}@{identity['epoch']}.safetensors"
        path.parent.mkdir(parents=True)
        save_file({"speaker_wavs": torch.randn(1, dimension, 5)}, path)
    return folder


def train_tokenizer(folder: Path, size: int) -> int:
    """Write tokenizer.model with at most `size` pieces, and at most 60. The first four are special, as moshi
    expects. Returns the number of pieces."""
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(_TEXT))
    sentencepiece.SentencePieceTrainer.Train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=min(size, 60),
        pad_id=3,
        byte_fallback=False,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return int(sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model")).vocab_size())


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items()}
