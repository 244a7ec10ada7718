"""Small Coqui checkpoints of random weights, in folders that TTS_MODEL_NAME can name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from TTS.tts.configs.tacotron2_config import Tacotron2Config
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from TTS.tts.models import setup_model as setup_tts
from TTS.tts.models.vits import VitsArgs
from TTS.tts.models.xtts import Xtts
from TTS.vocoder.configs import HifiganConfig
from TTS.vocoder.models import setup_model as setup_vocoder


def tiny_vits(folder: Path, speakers: tuple[str, ...] = ()) -> Path:
    """VITS with one speaker or several."""
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


def tiny_xtts(folder: Path) -> Path:
    """XTTS with two speakers. A sentence has at most 24 audio tokens, about a second."""
    folder.mkdir(parents=True)
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    trainer = BpeTrainer(vocab_size=120, special_tokens=["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[fr]"])
    tokenizer.train_from_iterator(["the quick brown fox jumps over a lazy dog of the many people met in two"], trainer)
    tokenizer.save(str(folder / "vocab.json"))
    args = XttsArgs(
        gpt_layers=2,
        gpt_n_model_channels=32,
        gpt_n_heads=2,
        gpt_max_audio_tokens=24,
        gpt_num_audio_tokens=34,
        gpt_start_audio_token=32,
        gpt_stop_audio_token=33,
        gpt_use_perceiver_resampler=True,
        decoder_input_dim=32,
    )
    config = XttsConfig(model_args=args, languages=["en", "fr"])
    config.model_args.tokenizer_file = str(folder / "vocab.json")
    model = Xtts(config)
    model.tokenizer = VoiceBpeTokenizer(vocab_file=str(folder / "vocab.json"))
    model.init_models()
    _save(folder, model, config)
    voices = {
        name: {"gpt_cond_latent": torch.randn(1, 32, 32), "speaker_embedding": torch.randn(1, 512, 1)}
        for name in ("Claribel Dervla", "Bo")
    }
    torch.save(voices, folder / "speakers_xtts.pth")
    return folder
