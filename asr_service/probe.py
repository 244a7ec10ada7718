"""`python -m asr_service.probe module:Class`: load that engine, decode a second, end. See common/engine_probe.py."""

from __future__ import annotations

import sys

import numpy as np

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions
from asr_service.engines import build
from common.errors import ServiceError


def main() -> None:
    """Exits with a message on stderr if the engine fails."""
    engine = build(sys.argv[1], AsrSettings.model_validate_json(sys.stdin.read()))
    noise = np.random.default_rng(0).normal(0, 0.01, ENGINE_RATE_HZ).astype(np.float32)
    try:
        engine.load()
        engine.transcribe(noise, DecodeOptions())
    except ServiceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
