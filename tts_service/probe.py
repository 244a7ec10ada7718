"""`python -m tts_service.probe MODEL`: load a voice model, say a word, end. See common/engine_probe.py.

What the service was given counts before the environment's settings.
"""

from __future__ import annotations

import json
import sys

from common.engine_probe import Probe
from common.logs import configure_logging
from common.process import plain_start_errors
from tts_service.config import TtsSettings
from tts_service.engine import TtsEngine
from tts_service.engines import create_engine


def create_probe(settings: TtsSettings) -> Probe:
    """What tries engines in a child process."""
    return Probe(
        "tts_service.probe",
        task="load and say a word",
        timeout_s=settings.tts_probe_timeout_s,
        limit="TTS_PROBE_TIMEOUT_S",
    )


def main(model_name: str) -> None:
    """Exits with a message on stderr if it can't be had."""
    with plain_start_errors(model_name):
        settings = TtsSettings(**json.load(sys.stdin))
        configure_logging(settings.log_level)
        engine = create_engine(settings, model_name)
        engine.load()
        say_something(engine)


def say_something(engine: TtsEngine) -> None:
    """The first sentence is slower than the rest, and some faults show only then."""
    for _ in engine.synthesize("Yes.", voice=engine.voices()[0], speed=1.0, language=""):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
