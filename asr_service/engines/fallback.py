"""An engine that is tried in a child process before it is loaded. If it fails there, Whisper takes its place.

So the service starts even if the chosen model can't run here. The log and Describe then say which model runs instead,
and why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from asr_service.audio import Audio
from asr_service.engine import AsrEngine, DecodeOptions, Request, Transcript, transcribe_all
from common.engine_info import EngineDescription
from common.errors import EngineError
from common.models import fetch_weights

logger = logging.getLogger(__name__)


class FallbackEngine:
    """An AsrEngine and a BatchingEngine around another engine. `fall_back` makes the engine that may take its place.

    try_it: tries the engine, and raises EngineError if it can't be used here. stop: ends the trial.
    """

    def __init__(
        self,
        engine: AsrEngine,
        *,
        try_it: Callable[[], None],
        stop: Callable[[], None],
        fall_back: Callable[[], AsrEngine],
    ) -> None:
        self._engine = engine
        self._try = try_it
        self._stop = stop
        self._fall_back = fall_back
        self._reason = ""

    def fetch(self) -> None:
        """Download the weights of the requested engine."""
        fetch_weights(self._engine)

    def load(self) -> None:
        self.fetch()  # before the trial, which has a time limit
        try:
            self._try()
        except EngineError as error:
            self._engine, self._reason = self._fall_back(), error.message
        if self._reason:
            instead = self._engine.describe().model
            logger.error(
                "⚠ ASR FALLS BACK to %s: %s. Correct that, or set another ASR_MODEL_NAME", instead, self._reason
            )
        self._engine.load()

    def describe(self) -> EngineDescription:
        return replace(self._engine.describe(), fallback_reason=self._reason)

    def transcribe(self, audio: Audio, options: DecodeOptions) -> Transcript:
        return self._engine.transcribe(audio, options)

    def transcribe_batch(self, requests: Sequence[Request]) -> list[Transcript]:
        return transcribe_all(self._engine, requests)

    def close(self) -> None:
        self._stop()
        self._engine.close()
