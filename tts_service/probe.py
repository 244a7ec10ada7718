"""`python -m tts_service.probe MODEL`: load a voice model, say a word, end. See common/engine_probe.py."""

from __future__ import annotations

import sys

from common.engine_probe import plain_errors
from common.logs import configure_logging
from tts_service.config import TtsSettings
from tts_service.engines import build


def main(model_name: str) -> None:
    """Ends with a message on standard error if the model can't be used."""
    with plain_errors():
        settings = TtsSettings.model_validate_json(sys.stdin.read())
        configure_logging(settings.log_level)
        engine = build(settings, model_name)
        engine.load()
        # some faults only show when a model speaks for the first time
        for _ in engine.synthesize("Yes.", voice=engine.voices()[0], speed=1.0, language=""):
            pass


if __name__ == "__main__":
    main(sys.argv[1])
