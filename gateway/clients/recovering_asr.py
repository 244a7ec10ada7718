"""Speech recognition that survives the loss of its replica: an `Asr` that wraps another `Asr`.

If a stream is refused or breaks, or if its replica drains, a new stream is opened at another replica. The new stream
first gets the audio that the old stream may not have answered. If a turn is open, that is the turn, from a little
before its first sound; otherwise it is the last seconds before the loss. Then the new stream gets the audio since the
loss. The reader of the events sees one stream: positions go on counting, and a turn begins once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from common.errors import ServiceError, UnavailableError
from common.pcm import BYTES_PER_SAMPLE
from common.speech import MAX_TURN_MS, PRE_ROLL_S
from gateway.clients.recovering_call import RecoveringCall
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
    VoicePaused,
)

# A stream that has taken this much audio and breaks between turns has worked, even if it sent no event. Then earlier
# retries no longer count.
WORKED_S = 5.0
# Audio kept while nobody speaks: longer than recognition takes to report a voice.
SILENCE_S = 3.0
# The most audio kept: the longest turn that ASR_MAX_TURN_MS allows, and a little more, as its end is reported late.
MOST_KEPT_S = MAX_TURN_MS / 1000 + 5.0


class RecentAudio:
    """The audio that recognition may need again. Positions are in samples since the very first one added.

    begin, end: where the kept audio begins and ends.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._pieces: deque[bytes] = deque()
        self._answered = 0
        self._turn: int | None = None
        self._unheard: int | None = None  # the first sample that recognition has not received
        self.begin = 0
        self.end = 0

    @property
    def turn_is_open(self) -> bool:
        """Whether a turn has begun and not ended."""
        return self._turn is not None

    def add(self, pcm: bytes, *, is_heard: bool = True) -> None:
        """Keep more audio, and drop audio that is no longer needed. is_heard: whether recognition gets it now."""
        if is_heard:
            self._unheard = None
        elif self._unheard is None:
            self._unheard = self.end
        self._pieces.append(pcm)
        self.end += len(pcm) // BYTES_PER_SAMPLE
        self._trim()

    def turn_began(self, sample: int) -> None:
        """A turn has begun at this position: until it ends, keep its audio, and a little from before it."""
        self._turn = sample

    def turn_ended(self, sample: int) -> None:
        """The turn has ended at this position. Earlier audio has been answered and must not be recognised twice."""
        self._turn, self._answered = None, max(self._answered, min(sample, self.end))
        self._trim()

    def kept(self) -> Iterator[bytes]:
        """The kept audio, in pieces of about a second."""
        piece = b""
        for one in self._pieces:
            piece += one
            if len(piece) >= self._rate_hz * BYTES_PER_SAMPLE:
                yield piece
                piece = b""
        if piece:
            yield piece

    def _trim(self) -> None:
        heard = self.end if self._unheard is None else self._unheard
        if self._turn is None:
            first = heard - round(SILENCE_S * self._rate_hz)
        else:
            first = self._turn - round(PRE_ROLL_S * self._rate_hz)
        first = max(first, self.end - round(MOST_KEPT_S * self._rate_hz))
        surplus = max(first, self._answered) - self.begin
        while surplus > 0:
            oldest = self._pieces.popleft()
            samples = len(oldest) // BYTES_PER_SAMPLE
            if samples > surplus:
                self._pieces.appendleft(oldest[surplus * BYTES_PER_SAMPLE :])
            self.begin += min(samples, surplus)
            surplus -= samples


class RecoveringAsr:
    """See the module's docstring. Raises what the last try raised."""

    def __init__(self, asr: Asr) -> None:
        self._asr = asr

    @asynccontextmanager
    async def open(self, *, sample_rate_hz: int, language: str, patience: Patience) -> AsyncIterator[AsrStream]:
        def begin(patience: Patience) -> AbstractAsyncContextManager[AsrStream]:
            return self._asr.open(sample_rate_hz=sample_rate_hz, language=language, patience=patience)

        stream = _Stream(begin, patience, sample_rate_hz)
        async with stream.call.opened():
            yield stream


class _Stream:
    """One stream for its user, over as many calls as necessary."""

    def __init__(
        self, begin: Callable[[Patience], AbstractAsyncContextManager[AsrStream]], patience: Patience, rate_hz: int
    ) -> None:
        self.call = RecoveringCall("asr", lambda: begin(self._patience), self._replay)
        self._patience = patience
        self._audio = RecentAudio(rate_hz)
        self._worked_samples = round(WORKED_S * rate_hz)
        self._origin = 0  # position of the call's first sample in the whole stream
        self._opened_at = 0  # how much audio had come when the call was opened, in samples
        # Whether an earlier call has reported the beginning of this turn, and the present call has not yet.
        self._is_resuming = False
        self._eager_told = False

    async def send(self, pcm: bytes) -> None:
        async with self.call.writing:
            self._audio.add(pcm, is_heard=self.call.is_open)
            await self.call.write(lambda stream: stream.send(pcm))

    async def set_patience(self, patience: Patience) -> None:
        async with self.call.writing:
            self._patience = patience
            await self.call.write(lambda stream: stream.set_patience(patience))

    async def finish(self) -> None:
        await self.call.finish()

    async def __aiter__(self) -> AsyncIterator[AsrEvent]:
        while True:
            try:
                async for event in await self.call.stream():
                    yield self._noted(event)
                if self.call.has_finished:
                    return
                raise UnavailableError("ASR: the service ended the stream (is it restarting?); go on speaking")
            except ServiceError as error:
                is_open = self._audio.turn_is_open
                if not is_open and self._audio.end - self._opened_at >= self._worked_samples:
                    self.call.forget_retries()
                await self.call.try_again(error, "in_turn" if is_open else "between_turns")

    async def _replay(self, stream: AsrStream) -> None:
        self._origin, self._opened_at = self._audio.begin, self._audio.end
        self._is_resuming = self._audio.turn_is_open
        for pcm in self._audio.kept():
            await stream.send(pcm)

    def _noted(self, event: AsrEvent) -> AsrEvent:
        """Follow the turn. Returns the event with positions in the whole stream."""
        event = _moved(event, self._origin)
        match event:
            case SpeechStarted(start) if self._is_resuming:  # reported for the second time
                self._is_resuming = False
                if not self._eager_told:
                    return VoiceContinued(start)
                self._eager_told = False
                return TurnResumed(start)
            case SpeechStarted(start):
                self.call.forget_retries()
                self._audio.turn_began(start)
            case EagerEndOfTurn():
                self._eager_told = True
            case TurnResumed():
                self._eager_told = False
            case EndOfTurn(transcript, usual_pause_ms):
                self.call.forget_retries()
                self._is_resuming = self._eager_told = False
                self._audio.turn_ended(transcript.end_sample)
                self._patience = replace(self._patience, usual_pause_ms=usual_pause_ms or self._patience.usual_pause_ms)
        return event


def _moved(event: AsrEvent, by: int) -> AsrEvent:
    match event:
        case SpeechStarted(start) | TurnResumed(start) | VoiceContinued(start):
            return replace(event, start_sample=start + by)
        case VoicePaused(end):
            return VoicePaused(end + by)
        case EagerEndOfTurn(transcript) | EndOfTurn(transcript):
            return replace(event, transcript=_moved_transcript(transcript, by))
        case _:
            return event


def _moved_transcript(heard: Transcript, by: int) -> Transcript:
    words = tuple(
        replace(word, start_sample=word.start_sample + by, end_sample=word.end_sample + by) for word in heard.words
    )
    return replace(heard, words=words, start_sample=heard.start_sample + by, end_sample=heard.end_sample + by)
