"""For tests of speech engines in environments without the packages of other services."""

from __future__ import annotations

from typing import Any

from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, TtsEngine


def engine_settings(**fields: Any) -> TtsSettings:
    """The defaults with these fields. Environment variables have no effect."""
    return TtsSettings(_env_file=None, tts_port=0, drain_timeout_s=1, **fields)


def say(engine: TtsEngine, text: str, speed: float = 1.0) -> list[EngineAudio]:
    """All pieces of `text` in the first voice."""
    return list(engine.synthesize(text, voice=engine.voices()[0], speed=speed, language=""))
