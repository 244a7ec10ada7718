"""A pocket-tts checkpoint of random weights: the package's smallest configuration, cut to two layers, with two
voices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from pocket_tts.models.model_state import export_model_state
from pocket_tts.models.tts_model import TTSModel
from pocket_tts.utils.config import CONFIGS_DIR
from safetensors.torch import save_file

from tests.engines.tiny_kyutai import train_tokenizer


def tiny_pocket(folder: Path) -> Path:
    """Write the checkpoint into `folder`. Returns the path to load."""
    folder.mkdir(parents=True)
    config: dict[str, Any] = yaml.safe_load((CONFIGS_DIR / "english_2m_2026-10.yaml").read_text())
    pieces = train_tokenizer(folder, 60)
    config["flow_lm"]["lookup_table"].update(n_bins=pieces, tokenizer_path=str(folder / "tokenizer.model"))
    config["flow_lm"]["transformer"]["num_layers"] = 2
    config["weights_path"] = config["weights_path_without_voice_cloning"] = None
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    model = TTSModel.load_model(config=str(path))
    for parameter in model.flow_lm.parameters():
        torch.nan_to_num_(parameter.data).clamp_(-1, 1)
    save_file(
        {name: value.detach().clone() for name, value in model.state_dict().items()}, folder / "model.safetensors"
    )
    path.write_text(yaml.safe_dump({**config, "weights_path": str(folder / "model.safetensors")}))
    (folder / "voices").mkdir()
    for number, voice in enumerate(("amy", "bo")):
        torch.manual_seed(number)
        state = model.get_state_for_audio_prompt(torch.randn(1, 24_000) * 0.1)
        export_model_state(state, folder / "voices" / f"{voice}.safetensors")
    return folder
