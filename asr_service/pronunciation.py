"""Compares recordings with the sentence that the speaker was to say, in a thread of low priority."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from asr_service.audio import ENGINE_RATE_HZ, Audio
from asr_service.verbatim.lane import lower_priority
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.slips import FoundSlip, SlipFinder
from common.languages import base

logger = logging.getLogger(__name__)

LONGEST_S = 30
MOST_WAITING = 4  # recordings that wait for the thread, or are in it; more are not judged


class Pronunciation:
    """Loads the phoneme networks (9 MB) with the first sentence. load: makes them."""

    def __init__(self, load: Callable[[], SlipFinder] = lambda: SlipFinder(Phonemes())) -> None:
        self._load = load
        self._finder: SlipFinder | None = None
        self._fails = False
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asr-pronunciation", initializer=lower_priority)

    def close(self) -> None:
        """Drop the work that waits for the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def slips(self, audio: Callable[[], Audio], sentence: str, language: str) -> Sequence[FoundSlip]:
        """The sounds of the sentence that were mispronounced; none if the sentence can't be judged.

        audio: makes the audio, float32 mono at 16 kHz, at most LONGEST_S. language: a BCP-47 tag. Only English can be
        judged.
        """
        if self._fails or base(language) != "en" or self._waiting >= MOST_WAITING:
            return ()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._slips, audio, sentence)
        finally:
            self._waiting -= 1

    def _slips(self, audio: Callable[[], Audio], sentence: str) -> Sequence[FoundSlip]:
        try:
            self._finder = self._finder or self._load()
        except (ImportError, OSError, RuntimeError) as error:
            self._fails = True
            logger.warning("the phoneme networks can't be loaded, so mispronounced sounds are not found: %s", error)
            return ()
        made = audio()
        if len(made) > LONGEST_S * ENGINE_RATE_HZ:
            return ()
        try:
            return self._finder.find(made, sentence)
        except Exception as error:  # whatever it is, the transcript must not be lost
            logger.warning("a recording could not be compared with its sentence: %s", type(error).__name__)
            return ()
