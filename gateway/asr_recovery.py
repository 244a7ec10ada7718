"""Speech recognition that outlives its replica: an `Asr` around an `Asr`.

A stream that breaks, or that its replica ends because it drains, is opened again, at another replica behind the proxy,
and hears again what it may not have answered: the turn that is open, from a little before its first sound, or the last
seconds of silence. Whoever reads the events sees one stream: positions go on counting, and a turn begins once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

from common.errors import InvalidInputError, SequenceError, ServiceError, UnavailableError
from gateway import metrics
from gateway.ports import (
    Asr,
    AsrEvent,
    AsrStream,
    EagerEndOfTurn,
    EndOfTurn,
    Patience,
    SpeechStarted,
    Transcript,
    TurnResumed,
    VoiceContinued,
)

logger = logging.getLogger(__name__)

# Before each new try of one turn. A replica that drains says so between turns: the first try may come at once.
PAUSES_S = (0.0, 0.25, 0.75)
# A stream that heard so much without an event has worked: its end is not the end of the tries before it.
WORKED_S = 5.0
# Kept while nobody speaks: more than passes between a voice's first sound and the word of it.
SILENCE_S = 3.0
# Kept before the first sound of a turn, for recognition to find its beginning as it did.
LEAD_S = 0.3
# Kept of a turn at most. Recognition cuts turns at ASR_MAX_TURN_MS, by default a minute.
TURN_S = 65.0
BYTES_PER_SAMPLE = 2


class RecentAudio:
    """What recognition may have to hear again. Positions are in samples since the first one ever added."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._pieces: deque[bytes] = deque()
        self._answered = 0
        self._turn: int | None = None
        self.begin = 0
        self.end = 0

    @property
    def turn_is_open(self) -> bool:
        return self._turn is not None

    def add(self, pcm: bytes) -> None:
        self._pieces.append(pcm)
        self.end += len(pcm) // BYTES_PER_SAMPLE
        self._trim()

    def turn_began(self, sample: int) -> None:
        """Keep what was said from there on, until it is answered."""
        self._turn = sample

    def turn_ended(self, sample: int) -> None:
        """What was heard up to there is answered, and must not be heard twice."""
        self._turn, self._answered = None, max(self._answered, min(sample, self.end))
        self._trim()

    def kept(self) -> Iterator[bytes]:
        """In pieces of at most about a second."""
        piece = b""
        for one in self._pieces:
            piece += one
            if len(piece) >= self._rate_hz * BYTES_PER_SAMPLE:
                yield piece
                piece = b""
        if piece:
            yield piece

    def _trim(self) -> None:
        if self._turn is None:
            first = self.end - round(SILENCE_S * self._rate_hz)
        else:
            first = max(self._turn - round(LEAD_S * self._rate_hz), self.end - round(TURN_S * self._rate_hz))
        surplus = max(first, self._answered) - self.begin
        while surplus > 0:
            oldest = self._pieces.popleft()
            samples = len(oldest) // BYTES_PER_SAMPLE
            if samples > surplus:
                self._pieces.appendleft(oldest[surplus * BYTES_PER_SAMPLE :])
            self.begin += min(samples, surplus)
            surplus -= samples


class RecoveringAsr:
    """See the module's docstring. Raises what the last of several tries raised."""

    def __init__(self, asr: Asr) -> None:
        self._asr = asr

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AsyncIterator[AsrStream]:
        def begin(patience: Patience) -> AbstractAsyncContextManager[AsrStream]:
            return self._asr.open(sample_rate_hz=sample_rate_hz, language=language, patience=patience)

        async with AsyncExitStack() as call:
            stream = _Stream(begin, call, patience, sample_rate_hz)
            await stream.open()
            yield stream


class _Stream:
    """One task writes, another reads. The reader opens the call anew; the writer only ever fills the buffer meanwhile.

    call: holds the call of the moment.
    """

    def __init__(
        self,
        begin: Callable[[Patience], AbstractAsyncContextManager[AsrStream]],
        call: AsyncExitStack,
        patience: Patience,
        rate_hz: int,
    ) -> None:
        self._begin = begin
        self._call = call
        self._patience = patience
        self._audio = RecentAudio(rate_hz)
        self._worked_samples = round(WORKED_S * rate_hz)
        self._stream: AsrStream | None = None
        self._origin = 0  # of the call's positions in ours
        self._opened_at = 0
        self._failures = 0
        self._is_resuming = False  # a turn whose beginning was told by a call that is gone
        self._eager_told = False
        self._has_finished = False
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """A new call, which hears what may be unanswered."""
        await self._call.aclose()
        stream = await self._call.enter_async_context(self._begin(self._patience))
        async with self._writing:
            self._origin, self._opened_at = self._audio.begin, self._audio.end
            self._is_resuming = self._audio.turn_is_open
            for pcm in self._audio.kept():
                await stream.send(pcm)
            if self._has_finished:
                await stream.finish()
            self._stream = stream

    async def send(self, pcm: bytes) -> None:
        async with self._writing:
            self._audio.add(pcm)
            await self._write(lambda stream: stream.send(pcm))

    async def set_patience(self, patience: Patience) -> None:
        async with self._writing:
            self._patience = patience
            await self._write(lambda stream: stream.set_patience(patience))

    async def finish(self) -> None:
        async with self._writing:
            self._has_finished = True
            await self._write(lambda stream: stream.finish())

    async def _write(self, send: Callable[[AsrStream], object]) -> None:
        if self._stream is None:
            return
        try:
            await send(self._stream)  # type: ignore[misc]
        except ServiceError:
            self._stream = None  # the reader hears of it too, and opens another one

    async def __aiter__(self) -> AsyncIterator[AsrEvent]:
        while True:
            try:
                if (stream := self._stream) is None:
                    await self.open()
                    stream = self._stream
                assert stream is not None  # noqa: S101
                async for event in stream:
                    yield self._noted(event)
                if self._has_finished:
                    return
                raise UnavailableError("ASR: the service ended the stream (is it restarting?); go on speaking")
            except ServiceError as error:
                await self._try_again(error)

    async def _try_again(self, error: ServiceError) -> None:
        """Return after a pause if it is worth it, else raise."""
        is_open = self._audio.turn_is_open
        if not is_open and self._audio.end - self._opened_at >= self._worked_samples:
            self._failures = 0
        if isinstance(error, InvalidInputError | SequenceError) or self._failures >= len(PAUSES_S):
            raise error
        pause_s = PAUSES_S[self._failures]
        self._failures += 1
        self._stream = None
        moment = "in_turn" if is_open else "between_turns"
        metrics.RECOVERIES.labels("asr", moment).inc()
        logger.info("a recognition stream broke %s (%s): opening another one", moment, error.code)
        await asyncio.sleep(pause_s)

    def _noted(self, event: AsrEvent) -> AsrEvent:
        """The event with our positions; what it says of the turn is remembered."""
        event = _moved(event, self._origin)
        match event:
            case SpeechStarted(start) if self._is_resuming:  # the second time
                self._is_resuming = False
                if not self._eager_told:
                    return VoiceContinued(start)
                self._eager_told = False
                return TurnResumed(start)
            case SpeechStarted(start):
                self._failures = 0
                self._audio.turn_began(start)
            case EagerEndOfTurn():
                self._eager_told = True
            case TurnResumed():
                self._eager_told = False
            case EndOfTurn(transcript, usual_pause_ms):
                self._failures, self._is_resuming, self._eager_told = 0, False, False
                self._audio.turn_ended(transcript.end_sample)
                self._patience = replace(self._patience, usual_pause_ms=usual_pause_ms or self._patience.usual_pause_ms)
        return event


def _moved(event: AsrEvent, by: int) -> AsrEvent:
    match event:
        case SpeechStarted(start) | TurnResumed(start) | VoiceContinued(start):
            return replace(event, start_sample=start + by)
        case EagerEndOfTurn(transcript) | EndOfTurn(transcript):
            return replace(event, transcript=_moved_transcript(transcript, by))
        case _:
            return event


def _moved_transcript(heard: Transcript, by: int) -> Transcript:
    words = tuple(
        replace(word, start_sample=word.start_sample + by, end_sample=word.end_sample + by) for word in heard.words
    )
    return replace(heard, words=words, start_sample=heard.start_sample + by, end_sample=heard.end_sample + by)
