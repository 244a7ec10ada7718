"""The thread in which Smart Turn runs: beside the decodes, so that both are done at about the same time."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from asr_service.audio import Audio
from asr_service.metrics import TURN_MODEL_SECONDS
from asr_service.smart_turn import HEARD, SmartTurn


class TurnJudge(Protocol):
    """Says how the end of a turn sounds; see SmartTurnJudge."""

    @property
    def heard(self) -> int: ...

    async def acoustic(self, audio: Audio) -> float: ...


class SmartTurnJudge:
    """One network and one thread for all streams."""

    heard = HEARD

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asr-turn")
        self._model: SmartTurn | None = None

    async def load(self) -> None:
        """Load the network and run it once."""
        self._model = await asyncio.get_running_loop().run_in_executor(self._thread, SmartTurn)
        await self.acoustic(np.zeros(HEARD, np.float32))

    async def acoustic(self, audio: Audio) -> float:
        """The probability that a turn is over whose last seconds are `audio` (float32 mono at 16 kHz)."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._infer, audio)

    def close(self) -> None:
        """Forget what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _infer(self, audio: Audio) -> float:
        assert self._model is not None  # noqa: S101  no streams before warm-up
        began = time.perf_counter()
        probability = self._model.infer(audio)
        TURN_MODEL_SECONDS.observe(time.perf_counter() - began)
        return probability
