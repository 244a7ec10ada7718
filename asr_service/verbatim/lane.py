"""Hears turns again, after everything that a learner waits for.

A turn waits some seconds, until its reply can be heard, and then until recognition is idle. Only one turn at a time is
heard again. If `load` was called, its words are first compared with the sound, in a thread with a low priority. Then
the turn is decoded once more, for hesitation sounds, if the engine is faster-whisper. A turn that has waited too long
is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from asr_service.audio import Audio
from asr_service.engine import AsrEngine, Transcript
from asr_service.metrics import VERBATIM_SECONDS, VERBATIM_TURNS
from asr_service.verbatim.fillers import PROMPT, with_fillers
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.rewriter import LONGEST, Rewriter
from common.languages import base

logger = logging.getLogger(__name__)

DELAY_S = 2.0
"""Counted from the end of the turn. By then the language model and synthesis have begun the reply."""
PATIENCE_S = 10.0
"""Also counted from the end of the turn. A turn that has not been heard again by then is dropped."""
MOST_WAITING = 8
_POLL_S = 0.1
_NICE = 10
_TAKES_PROMPTS = "faster-whisper"


class VerbatimDecoder(Protocol):
    """See `asr_service.recognition.decoder.Decoder`."""

    engine: AsrEngine

    @property
    def has_idle_worker(self) -> bool:
        """Whether a decode that is requested now would run at once."""
        ...

    def decode_verbatim(self, audio: Audio, *, language: str, prompt: str) -> Awaitable[Transcript]:
        """The words of a turn once more, in the style of `prompt`."""
        ...


class VerbatimLane:
    """The verbatim passes of all streams. rewriter: for tests; otherwise `load` makes one. Without a rewriter, only
    hesitation sounds are found."""

    def __init__(self, decoder: VerbatimDecoder, rewriter: Rewriter | None = None, *, delay_s: float = DELAY_S) -> None:
        self._decoder = decoder
        self._rewriter = rewriter
        self._delay_s = delay_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asr-verbatim", initializer=lower_priority)
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def load(self) -> None:
        """Load the phoneme networks, which hear mistakes. If they can't run here, recognition goes on without them."""
        try:
            self._rewriter = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: Rewriter(Phonemes())
            )
        except (ImportError, OSError, RuntimeError) as error:
            logger.warning("the phoneme networks fail, so mistakes that recognition repairs are not found: %s", error)

    def close(self) -> None:
        """Drop the work that waits for the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def takes(self, language: str) -> bool:
        """Whether turns in this language (BCP-47) can be heard again."""
        hears_anything = self._rewriter is not None or self._takes_prompts
        return hears_anything and base(language) == "en"

    @property
    def _takes_prompts(self) -> bool:
        return self._decoder.engine.describe().engine == _TAKES_PROMPTS

    async def hear(self, audio: Audio, transcript: Transcript) -> Transcript:
        """The words that were really said in a turn that has just ended. Returns `transcript` itself if its words
        are right, or if the real words could not be found.

        audio: of the turn, float32 mono at 16 kHz; word times count from its beginning.
        """
        if self._waiting >= MOST_WAITING or len(audio) > LONGEST:
            VERBATIM_TURNS.labels("dropped").inc()
            return transcript
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                said = await self._in_time(audio, transcript)
        except TimeoutError:
            VERBATIM_TURNS.labels("dropped").inc()
            return transcript
        except Exception as error:  # the stream must go on; the message may contain words, so it is not logged
            logger.warning("a turn could not be heard again for mistakes: %s", type(error).__name__)
            VERBATIM_TURNS.labels("dropped").inc()
            return transcript
        finally:
            self._waiting -= 1
        VERBATIM_TURNS.labels("same" if said is transcript else "changed").inc()
        return said

    async def _in_time(self, audio: Audio, transcript: Transcript) -> Transcript:
        await asyncio.sleep(self._delay_s)
        async with self._one_at_a_time:
            said = await self._with_mistakes(audio, transcript, self._rewriter) if self._rewriter else transcript
            await self._until_idle()
            return await self._with_fillers(audio, said)

    async def _with_mistakes(self, audio: Audio, transcript: Transcript, rewriter: Rewriter) -> Transcript:
        await self._until_idle()
        with VERBATIM_SECONDS.time():
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, rewriter.rewrite, audio, transcript)

    async def _with_fillers(self, audio: Audio, said: Transcript) -> Transcript:
        if not self._takes_prompts:
            return said
        prompted = await self._decoder.decode_verbatim(audio, language="en", prompt=PROMPT)
        words = with_fillers(said.words, prompted.words)
        if len(words) == len(said.words):
            return said
        return replace(said, words=words, text="".join(word.text for word in words).strip())

    async def _until_idle(self) -> None:
        while not self._decoder.has_idle_worker:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)


def lower_priority() -> None:
    """Let everything else run first. On Linux a thread can have its own priority."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
