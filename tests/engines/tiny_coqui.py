"""Coqui checkpoints of a few thousand random weights, in folders such as TTS_MODEL_NAME may name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from TTS.tts.configs.tacotron2_config import Tacotron2Config
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.models import setup_model as setup_tts
from TTS.tts.models.vits import VitsArgs
from TTS.vocoder.configs import HifiganConfig
from TTS.vocoder.models import setup_model as setup_vocoder


def tiny_vits(folder: Path, speakers: tuple[str, ...] = ()) -> Path:
    """VITS, of one speaker or several."""
    folder.mkdir(parents=True)
    args = VitsArgs(
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=16,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=1,
        num_layers_flow=1,
        upsample_initial_channel_decoder=32,
        resblock_kernel_sizes_decoder=[3],
        resblock_dilation_sizes_decoder=[[1, 3, 5]],
        use_speaker_embedding=bool(speakers),
        speaker_embedding_channels=8,
    )
    if speakers:
        ids = folder / "speaker_ids.json"
        ids.write_text(json.dumps({name: number for number, name in enumerate(speakers)}))
        args.speakers_file = str(ids)
    config = VitsConfig(model_args=args, text_cleaner="english_cleaners", use_phonemes=False, add_blank=True)
    if speakers:
        config.speakers_file = args.speakers_file
        config.use_speaker_embedding = True
        config.num_speakers = len(speakers)
    model = setup_tts(config)
    return _save(folder, model, config)


def tiny_tacotron2(folder: Path) -> Path:
    """Tacotron2 and a HiFi-GAN for it."""
    folder.mkdir(parents=True)
    config = Tacotron2Config(
        text_cleaner="english_cleaners",
        use_phonemes=False,
        out_channels=80,
        decoder_output_dim=80,
        r=2,
        max_decoder_steps=60,
        attention_type="original",
    )
    _save(folder, setup_tts(config), config)
    vocoder = HifiganConfig(
        generator_model_params={
            "upsample_factors": [8, 8, 2, 2],
            "upsample_kernel_sizes": [16, 16, 4, 4],
            "upsample_initial_channel": 32,
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1, 3, 5]],
            "resblock_type": "1",
        }
    )
    (folder / "vocoder").mkdir()
    model = setup_vocoder(vocoder)
    torch.save({"model": model.state_dict()}, folder / "vocoder" / "model.pth")
    vocoder.save_json(str(folder / "vocoder" / "config.json"))
    return folder


def _save(folder: Path, model: Any, config: Any) -> Path:
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    return folder
