"""Speech synthesis that outlives its replica: a `Tts` around a `Tts`.

A stream that breaks is opened again, at another replica behind the proxy, which speaks the reply from the first word
that was not spoken to its end. Whoever reads the speech sees one stream: text and sample positions go on counting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

from common.errors import InvalidInputError, SequenceError, ServiceError
from gateway import metrics
from gateway.ports import SpeechChunk, Tts, TtsStream

logger = logging.getLogger(__name__)

# Before each new try within one reply.
PAUSES_S = (0.0, 0.25)
BYTES_PER_SAMPLE = 2


class RecoveringTts:
    """See the module's docstring. Raises what the last of several tries raised."""

    def __init__(self, tts: Tts) -> None:
        self._tts = tts

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, voice: str, speed: float, language: str) -> AsyncIterator[TtsStream]:
        def begin() -> AbstractAsyncContextManager[TtsStream]:
            return self._tts.open(sample_rate_hz=sample_rate_hz, voice=voice, speed=speed, language=language)

        async with AsyncExitStack() as call:
            stream = _Stream(begin, call)
            await stream.open()
            yield stream


class _Stream:
    """One task writes, another reads. The reader opens the call anew; the writer only ever adds text meanwhile."""

    def __init__(self, begin: Callable[[], AbstractAsyncContextManager[TtsStream]], call: AsyncExitStack) -> None:
        self._begin = begin
        self._call = call
        self._stream: TtsStream | None = None
        self._text = ""
        self._spoken = 0  # characters whose speech has come whole
        self._samples = 0  # that have come
        self._text_origin = self._sample_origin = 0  # of the call's positions in ours
        self._failures = 0
        self._has_finished = False
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """A new call, which is given the text that is not yet spoken."""
        await self._call.aclose()
        stream = await self._call.enter_async_context(self._begin())
        async with self._writing:
            self._text_origin, self._sample_origin = self._spoken, self._samples
            if rest := self._text[self._spoken :]:
                await stream.send_text(rest)
            if self._has_finished:
                await stream.finish()
            self._stream = stream

    async def send_text(self, text: str) -> None:
        async with self._writing:
            self._text += text
            await self._write(lambda stream: stream.send_text(text))

    async def finish(self) -> None:
        async with self._writing:
            self._has_finished = True
            await self._write(lambda stream: stream.finish())

    async def _write(self, send: Callable[[TtsStream], object]) -> None:
        if self._stream is None:
            return
        try:
            await send(self._stream)  # type: ignore[misc]
        except ServiceError:
            self._stream = None  # the reader hears of it too, and opens another one

    async def __aiter__(self) -> AsyncIterator[SpeechChunk]:
        while True:
            try:
                if (stream := self._stream) is None:
                    await self.open()
                    stream = self._stream
                assert stream is not None  # noqa: S101
                async for chunk in stream:
                    yield self._noted(chunk)
            except ServiceError as error:
                if self._has_finished and self._text and not self._text[self._spoken :].strip():
                    return  # it broke after the last word
                await self._try_again(error)
            else:
                return

    async def _try_again(self, error: ServiceError) -> None:
        """Return after a pause if it is worth it, else raise."""
        if isinstance(error, InvalidInputError | SequenceError) or self._failures >= len(PAUSES_S):
            raise error
        pause_s = PAUSES_S[self._failures]
        self._failures += 1
        self._stream = None
        metrics.RECOVERIES.labels("tts", "in_turn").inc()
        logger.info("a speech stream broke (%s): opening another one", error.code)
        await asyncio.sleep(pause_s)

    def _noted(self, chunk: SpeechChunk) -> SpeechChunk:
        """The chunk with our positions; how far it gets is remembered."""
        words = tuple(
            replace(
                word,
                text_start=word.text_start + self._text_origin,
                text_end=word.text_end + self._text_origin,
                start_sample=word.start_sample + self._sample_origin,
                end_sample=word.end_sample + self._sample_origin,
            )
            for word in chunk.words
        )
        chunk = replace(
            chunk,
            start_sample=chunk.start_sample + self._sample_origin,
            text_start=chunk.text_start + self._text_origin,
            text_end=chunk.text_end + self._text_origin,
            words=words,
        )
        self._samples = chunk.start_sample + len(chunk.pcm) // BYTES_PER_SAMPLE
        # A word that begins in this chunk may end in the next one: then it is spoken again, rather than cut.
        cut = (word.text_start for word in words if word.end_sample > self._samples)
        self._spoken = min(cut, default=chunk.text_end)
        return chunk
