"""A Kyutai speech-to-text checkpoint of random weights, with the files of a real one, a few hundred kilobytes large."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    KyutaiSpeechToTextConfig,
    KyutaiSpeechToTextFeatureExtractor,
    KyutaiSpeechToTextForConditionalGeneration,
    KyutaiSpeechToTextProcessor,
    MimiConfig,
    PreTrainedTokenizerFast,
)

PADDING = 3
PIECES = ["<mark>", "<s>", "</s>", "<pad>", "▁I", "▁like", "▁app", "les", "▁and", "▁pe", "ars", "▁to", "day", ".", "▁"]
_HEARD = 0.03  # the scale of the codec's random codebooks
DELAY_S, PREFIX_S = 0.5, 1.0


def save(folder: Path) -> Path:
    """Write the checkpoint. It is the same every time."""
    torch.manual_seed(11)
    _processor().save_pretrained(folder)
    model = KyutaiSpeechToTextForConditionalGeneration(_config())
    with torch.no_grad():  # the model's words must depend on the audio, not on the words before them
        model.model.embed_tokens.embed_tokens.weight[: len(PIECES) + 1].mul_(0.02)
        model.model.embed_tokens.embed_tokens.weight[len(PIECES) + 1 :].mul_(20)
        model.lm_head.weight.mul_(20)
        for name, buffer in model.codec_model.named_buffers():
            if name.endswith("embed_sum"):  # otherwise all codes would be the same
                buffer.normal_(0, _HEARD)
    model.generation_config.pad_token_id = PADDING
    model.save_pretrained(folder)
    return folder


def _processor() -> KyutaiSpeechToTextProcessor:
    pieces = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(PIECES)}, unk_token="<mark>"))
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    pieces.decoder = decoders.Metaspace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pieces, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<mark>"
    )
    extractor = KyutaiSpeechToTextFeatureExtractor(
        audio_delay_seconds=DELAY_S, audio_silence_prefix_seconds=PREFIX_S, sampling_rate=24_000
    )
    return KyutaiSpeechToTextProcessor(extractor, tokenizer)


def _config() -> KyutaiSpeechToTextConfig:
    codec = MimiConfig(
        num_filters=4,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size=64,
        codebook_size=32,
        codebook_dim=16,
        vector_quantization_hidden_dimension=16,
        num_quantizers=4,
        upsample_groups=32,
    )
    codebooks, codes, words = 4, 33, len(PIECES) + 1
    return KyutaiSpeechToTextConfig(
        codebook_vocab_size=codes,
        vocab_size=words,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        ffn_dim=64,
        num_codebooks=codebooks,
        audio_bos_token_id=codes - 1,
        audio_pad_token_id=words + codebooks * codes,
        pad_token_id=PADDING,
        bos_token_id=words - 1,
        codec_config=codec.to_dict(),
    )
