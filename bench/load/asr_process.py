"""`python -m bench.load.asr_process`: the real asr_service around a recogniser that gives a fixed text after a fixed
time.

Voice detection and endpointing are real. The engine exists only in this process, and no setting of asr_service can
choose it. There is no text model unless ASR_TEXT_MODEL names one, because the time of a model is not part of what the
mesh adds.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

import uvloop
from pydantic_settings import BaseSettings

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, Expectation, Transcript, Word
from asr_service.service import create_service
from bench.load.delays import HEARD, Delays
from common.engine_info import EngineDescription
from common.grpc_server import run
from common.heap import limit_arenas
from common.logs import configure_logging
from common.process import collect_garbage_rarely


class StubEngine:
    """An AsrEngine; see `asr_service.engine` for the methods.

    numbered: the text of each turn ends with a random number, by which the turn can be found again.
    """

    def __init__(self, delays: Delays, sleep: Callable[[float], None] = time.sleep, *, numbered: bool = False) -> None:
        self._delays = delays
        self._sleep = sleep
        self._numbered = numbered

    def load(self) -> None:
        """Does nothing."""

    def describe(self) -> EngineDescription:
        return EngineDescription(engine="stub", model="a set delay and a fixed text", device="cpu")

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        is_final = options.quality == "final"
        self._sleep(self._delays.decode if is_final else self._delays.partial)
        return _heard(len(audio), f" {secrets.randbelow(10**9)}" if is_final and self._numbered else "")

    def close(self) -> None:
        """Does nothing."""


def _heard(samples: int, ending: str = "") -> Transcript:
    """As many words of HEARD as fit at three per second, and a full stop, with what Whisper expects at the end of a
    sentence.

    ending: comes between the last word and the full stop.
    """
    step = ENGINE_RATE_HZ // 3
    words = tuple(
        Word(" " + word, i * step, (i + 1) * step, 1.0)
        for i, word in enumerate(HEARD.split())
        if i == 0 or (i + 1) * step <= samples
    )
    words = (*words[:-1], replace(words[-1], text=f"{words[-1].text}{ending}."))
    return Transcript("".join(word.text for word in words).strip(), words, "en", Expectation(0.95, 0.5))


class DelaySettings(BaseSettings):
    """The stub's delays, and whether its texts are numbered, from the environment."""

    delays: Delays = Delays()
    numbered: bool = False


def main() -> None:
    """Serve until SIGTERM."""
    limit_arenas()
    settings = AsrSettings()
    settings = settings.model_copy(update={"asr_text_model": settings.asr_text_model or "none"})
    configure_logging(settings.log_level)
    stub = DelaySettings()
    service = create_service(StubEngine(stub.delays, numbered=stub.numbered), settings)
    collect_garbage_rarely()
    uvloop.run(run(service, settings, settings.asr_port))


if __name__ == "__main__":
    main()
