"""`python -m tts_service.probe MODEL`: load a voice model, say a word, end. See common/engine_probe.py.

The service's settings come as JSON on standard input; they override this process's environment.
"""

from __future__ import annotations

import json
import sys

from common.logs import configure_logging
from common.process import plain_start_errors
from tts_service.config import TtsSettings
from tts_service.engine import TtsEngine
from tts_service.engines import build


def main(model_name: str) -> None:
    """Ends with a message on standard error if the model can't be used."""
    with plain_start_errors(model_name):
        settings = TtsSettings(**json.load(sys.stdin))
        configure_logging(settings.log_level)
        engine = build(settings, model_name)
        engine.load()
        say_something(engine)


def say_something(engine: TtsEngine) -> None:
    """Say one word, because some faults only show when a model speaks for the first time."""
    for _ in engine.synthesize("Yes.", voice=engine.voices()[0], speed=1.0, language=""):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
