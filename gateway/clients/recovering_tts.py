"""Speech synthesis that survives the loss of its replica: a `Tts` that wraps another `Tts`.

If a stream is refused or breaks, a new one is opened at another replica. That replica speaks the reply from the first
word that was not spoken completely. The reader of the speech sees one stream: text and sample positions go on counting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from common.errors import ServiceError
from common.pcm import BYTES_PER_SAMPLE
from gateway.clients.recovering_call import RecoveringCall
from gateway.ports import SpeechChunk, Tts, TtsStream


class RecoveringTts:
    """See the module's docstring. Raises what the last try raised."""

    def __init__(self, tts: Tts) -> None:
        self._tts = tts

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, voice: str, speed: float, language: str) -> AsyncIterator[TtsStream]:
        def begin() -> AbstractAsyncContextManager[TtsStream]:
            return self._tts.open(sample_rate_hz=sample_rate_hz, voice=voice, speed=speed, language=language)

        stream = _Stream(begin)
        async with stream.call.opened():
            yield stream


class _Stream:
    """One stream for its user, over as many calls as necessary."""

    def __init__(self, begin: Callable[[], AbstractAsyncContextManager[TtsStream]]) -> None:
        self.call = RecoveringCall("tts", begin, self._replay)
        self._text = ""
        self._spoken = 0  # characters that are completely spoken
        self._samples = 0  # samples of speech received
        self._text_origin = self._sample_origin = 0  # where the call's text and speech begin in the whole stream

    async def send_text(self, text: str) -> None:
        async with self.call.writing:
            self._text += text
            await self.call.write(lambda stream: stream.send_text(text))

    async def finish(self) -> None:
        await self.call.finish()

    async def __aiter__(self) -> AsyncIterator[SpeechChunk]:
        while True:
            try:
                async for chunk in await self.call.stream():
                    yield self._noted(chunk)
            except ServiceError as error:
                if self.call.has_finished and self._text and not self._text[self._spoken :].strip():
                    return  # the call broke after the last word
                await self.call.try_again(error, "in_turn")
            else:
                return

    async def _replay(self, stream: TtsStream) -> None:
        self._text_origin, self._sample_origin = self._spoken, self._samples
        if rest := self._text[self._spoken :]:
            await stream.send_text(rest)

    def _noted(self, chunk: SpeechChunk) -> SpeechChunk:
        """Remember how much is spoken by the end of this chunk. Returns the chunk with positions in the whole
        stream."""
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
        # A word that begins in this chunk may end in the next one. After a break such a word is spoken again as a
        # whole.
        cut = (word.text_start for word in words if word.end_sample > self._samples)
        self._spoken = min(cut, default=chunk.text_end)
        return chunk
