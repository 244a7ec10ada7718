"""Asks the two models of turn detection about a pause.

One judges how the speech before it sounds, the other whether a sentence could end there.

Each model has a thread of its own, so that it runs beside the decodes and beside the other model.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from asr_service.audio import Audio
from asr_service.metrics import TEXT_MODEL_SECONDS, TURN_MODEL_SECONDS
from asr_service.turn_taking.smart_turn import HEARD, SmartTurn
from asr_service.turn_taking.text_model import LANGUAGES, LlamaTextModel, TextModel
from common.languages import base


class TurnJudge(Protocol):
    """Says how probable it is that a turn is over; see NetworksJudge."""

    @property
    def heard(self) -> int:
        """Samples at 16 kHz that `acoustic` takes into account."""
        ...

    async def acoustic(self, audio: Audio) -> float:
        """See NetworksJudge.acoustic."""
        ...

    async def could_end(self, text: str, language: str) -> float | None:
        """See NetworksJudge.could_end."""
        ...


class NetworksJudge:
    """Runs one model of each kind for all streams.

    text_model: a GGUF file; None: the bundled one; "none": no text model. copies: see LlamaTextModel.
    """

    heard = HEARD

    def __init__(self, text_model: Path | Literal["none"] | None = None, copies: Path | None = None) -> None:
        self._wanted = text_model
        self._copies = copies
        self._sound_thread = ThreadPoolExecutor(1, thread_name_prefix="asr-turn")
        self._text_thread = ThreadPoolExecutor(1, thread_name_prefix="asr-text")
        self._sound: SmartTurn | None = None
        self._text: TextModel | None = None

    async def load(self) -> None:
        """Load the models and run each once. Raises EngineError if one can't be loaded."""
        loop = asyncio.get_running_loop()
        self._sound = await loop.run_in_executor(self._sound_thread, SmartTurn)
        await self.acoustic(np.zeros(HEARD, np.float32))
        if self._wanted != "none":
            self._text = await loop.run_in_executor(self._text_thread, LlamaTextModel, self._wanted, self._copies)
            await self.could_end("I would like to", "en")

    async def acoustic(self, audio: Audio) -> float:
        """The probability, 0 to 1, that a turn which ends with `audio` (float32 mono at 16 kHz) is over."""
        return await asyncio.get_running_loop().run_in_executor(self._sound_thread, self._hear, audio)

    async def could_end(self, text: str, language: str) -> float | None:
        """The probability, 0 to 1, that a sentence could end with `text`.

        language: BCP-47 tag, empty for English. Returns None without a text model, or if it doesn't know the language.
        """
        if self._text is None or (base(language) or "en") not in LANGUAGES:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._text_thread, self._read, self._text, text)

    def close(self) -> None:
        """Drop the waiting questions."""
        for thread in (self._sound_thread, self._text_thread):
            thread.shutdown(wait=False, cancel_futures=True)

    def _hear(self, audio: Audio) -> float:
        assert self._sound is not None  # noqa: S101  no streams before warm-up
        with TURN_MODEL_SECONDS.time():
            return self._sound.infer(audio)

    def _read(self, model: TextModel, text: str) -> float:
        with TEXT_MODEL_SECONDS.time():
            return model.infer(text)
