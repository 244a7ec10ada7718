"""Measures Kyutai TTS at the size of kyutai/tts-1.6b-en_fr with random weights: the time to the first sound, and the
real-time factor.

    python -m tests.engines.gpu_check --device cuda --streams 1 8

The speech is noise, but a step takes as long as with the real weights. In addition to PyTorch, this needs the wheels
moshi, sphn, sentencepiece, safetensors, einops, huggingface-hub, pydantic-settings, grpcio, grpcio-status and protobuf.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from moshi.models import loaders

from tests.engines.tiny_kyutai import TINY, tiny_kyutai
from tests.support.tts_engines import engine_settings
from tts_service.engines.kyutai import KyutaiTts
from tts_service.text.text_stream import SpeechStream

TEXT = "Yesterday I walked along the river with my two dogs, and many people were sitting outside the cafes. "


def full_size() -> dict[str, Any]:
    """The hyperparameters of kyutai/tts-1.6b-en_fr from memory: compare them with its published config.json."""
    config = copy.deepcopy(TINY)
    config.update(
        card=2048,
        n_q=32,
        dep_q=32,
        delays=[0, 0, *[2] * 31],
        dim=2048,
        text_card=8000,
        num_heads=16,
        num_layers=16,
        hidden_scale=4.125,
        context=500,
        depformer_dim=1024,
        depformer_num_heads=16,
        depformer_num_layers=4,
        depformer_dim_feedforward=3072,
        depformer_weights_per_step_schedule=[*range(8), *[8] * 8, *[9] * 8, *[10] * 8],
        depformer_low_rank_embeddings=128,
    )
    config["conditioners"]["speaker_wavs"]["tensor"]["dim"] = 512
    config["tts_config"]["audio_delay"] = 1.28
    return config


def measure(engine: KyutaiTts, streams: int) -> None:
    """Synthesise `streams` replies at once. Print the longest time to a reply's first sound, and the real-time
    factor."""
    voice = engine.voices()[0]
    began = time.perf_counter()
    going: dict[int, SpeechStream] = {}
    for number in range(streams):
        going[number] = engine.start(voice=voice, speed=1.0, language="")
        going[number].push(TEXT)
        going[number].finish()
    first: dict[int, float] = {}
    samples = 0
    while going:
        for number, stream in list(going.items()):
            piece = stream.next()
            if piece is None:
                going.pop(number).close()
            elif piece.pcm.size:
                first.setdefault(number, time.perf_counter() - began)
                samples += piece.pcm.size
    took = time.perf_counter() - began
    speech = samples / voice.sample_rate_hz
    print(
        f"{streams} streams: first sound {1000 * max(first.values()):.0f} ms, {took:.2f} s for {speech:.1f} s of speech"
        f" in all, real-time factor {took * streams / speech:.3f} for each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--tiny", action="store_true", help="use the tests' tiny model, to try the script itself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        if arguments.tiny:
            tiny_kyutai(model)
        else:
            tiny_kyutai(model, full_size(), loaders._mimi_config)
        for streams in arguments.streams:
            engine = KyutaiTts(engine_settings(tts_device=arguments.device, tts_max_streams=streams), str(model))
            began = time.perf_counter()
            engine.load()
            print(f"{engine.describe()}, loaded in {time.perf_counter() - began:.1f} s")
            measure(engine, streams)  # the first run records the CUDA graphs
            measure(engine, streams)
            engine.close()
            if arguments.device.startswith("cuda"):
                print(f"GPU memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
