"""`python -m asr_service.probe module:Class`: load that engine, decode a second, end. See common/engine_probe.py."""

from __future__ import annotations

import sys

import numpy as np

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions
from asr_service.engines import build
from common.engine_probe import plain_errors


def main(target: str) -> None:
    """Ends with a message on standard error if the engine can't be used."""
    with plain_errors():
        engine = build(target, AsrSettings.model_validate_json(sys.stdin.read()))
        engine.load()
        noise = np.random.default_rng(0).normal(0, 0.01, ENGINE_RATE_HZ).astype(np.float32)
        engine.transcribe(noise, DecodeOptions())


if __name__ == "__main__":
    main(sys.argv[1])
