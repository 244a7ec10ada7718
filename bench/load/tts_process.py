"""`python -m bench.load.tts_process`: the real tts_service around a voice that gives a constant signal after a fixed
time.

Clauses, word times and slots are real. The engine exists only in this process, and no setting of tts_service can choose
it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import numpy as np

from bench.load.asr_process import DelaySettings
from bench.load.delays import REPLY, REPLY_RATE_HZ, REPLY_S, Delays
from common.engine_info import EngineDescription
from common.grpc_server import run
from common.logs import configure_logging
from tts_service.config import TtsSettings
from tts_service.engine import EngineAudio, EngineVoice
from tts_service.service import create_service


class StubVoice:
    """A TtsEngine; see `tts_service.engine` for the methods. It speaks at a fixed rate: REPLY takes REPLY_S seconds."""

    def __init__(self, delays: Delays) -> None:
        self._delays = delays

    def load(self) -> None:
        """Do nothing."""

    def describe(self) -> EngineDescription:
        return EngineDescription(engine="stub", model="a set delay and a tone", device="cpu")

    def voices(self) -> Sequence[EngineVoice]:
        return [EngineVoice("stub", "stub", "en", REPLY_RATE_HZ)]

    def synthesize(self, text: str, *, voice: EngineVoice, speed: float, language: str) -> Iterator[EngineAudio]:
        time.sleep(self._delays.speech)
        samples = round(REPLY_S * REPLY_RATE_HZ * len(text) / len(REPLY))
        yield EngineAudio(np.full(samples, 0.01, np.float32), None)

    def close(self) -> None:
        """Do nothing."""


def main() -> None:
    """Serve until SIGTERM."""
    settings = TtsSettings()
    configure_logging(settings.log_level)
    service = create_service(StubVoice(DelaySettings().delays), settings)
    asyncio.run(run(service, settings, settings.tts_port))


if __name__ == "__main__":
    main()
