"""Sends the learner's decoded audio to speech recognition, and delivers the events that come back.

If recognition fails, the learner is told, and the next audio opens a new stream. Until recognition is back, nobody
hears the learner, who is told so again after each utterance. If recognition comes back during an utterance, it gets the
whole utterance, up to 20 s. The conversation goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from common.cancellation import in_own_task
from common.errors import DeadlineError, ServiceError, UnavailableError, first_service_error
from common.pcm import BYTES_PER_SAMPLE, VOICE_WINDOW_S
from gateway import metrics
from gateway.audio import AudioInput, DecodedAudio, StreamCut
from gateway.conversation.hearing_events import (
    Heard,
    HearingEnded,
    HearingEvent,
    HearingFailed,
    HearingIsSlow,
    TurnCut,
    VoiceLasts,
)
from gateway.conversation.lasting_voice import LastingVoice
from gateway.conversation.learner_audio import LearnerAudio
from gateway.conversation.stall_watch import StallWatch
from gateway.conversation.unheard_audio import UnheardAudio
from gateway.conversation.voice_state import VoiceState
from gateway.echo import EchoGuard
from gateway.ports import Asr, AsrStream, EndOfTurn, Patience

# After a failure, the gateway waits for this long before it opens a new stream.
REOPEN_AFTER_S = 1.0
# If the first turn after a failure has no words, and began within this much audio of the new stream, the beginning of
# the turn may be missing.
DOUBTFUL_S = 5.0
# A gap in the voice of at most this length does not restart the count that leads to VoiceLasts.
LONGEST_GAP_S = 0.3


class Hearing:
    """The hearing of one session; `run` it as a task.

    language, patience: called when a stream is opened; patience also after `patience_changed`. interrupt_after_s: how
    long a voice lasts before `VoiceLasts` is delivered; short gaps are not counted, a longer one restarts the count.
    on_audio: gets each decoded piece of audio. deliver: gets the events, in order; while it waits, recognition waits.
    echo: removes the partner's voice.
    """

    def __init__(
        self,
        audio: AudioInput,
        asr: Asr,
        *,
        sample_rate_hz: int,
        language: Callable[[], str],
        patience: Callable[[], Patience],
        interrupt_after_s: float,
        on_audio: Callable[[DecodedAudio], None],
        deliver: Callable[[HearingEvent], Awaitable[None]],
        echo: EchoGuard | None = None,
    ) -> None:
        self._asr = asr
        self._sample_rate_hz = sample_rate_hz
        self._language = language
        self._patience = patience
        self._patience_changed = False  # it has changed, and recognition does not know yet
        self._deliver = deliver
        self._window_samples = round(VOICE_WINDOW_S * sample_rate_hz)
        self._audio = LearnerAudio(
            audio,
            window_samples=self._window_samples,
            on_audio=on_audio,
            deliver=deliver,
            turn_is_open=lambda: self._voice.turn_is_open,
            echo=echo,
        )
        lasting = LastingVoice(round(interrupt_after_s * sample_rate_hz), round(LONGEST_GAP_S * sample_rate_hz))
        self._voice = VoiceState(self._audio.gathering, lasting, self._window_samples)
        self._sent_samples = 0  # of the current stream
        self._stream_began = 0  # how many samples of the learner's audio came before the current stream
        self._cut: StreamCut | None = None  # the cut that ends the current stream
        self._stall = StallWatch(self._tell_slow)
        self._failure: ServiceError | None = None  # why recognition is unavailable; None once it sends events again
        self._unheard = UnheardAudio(self._window_samples, sample_rate_hz)
        self._is_doubtful = False  # recognition is back after a failure, and no turn has ended since

    @property
    def turn_is_open(self) -> bool:
        """Whether the learner is in the middle of a turn, by the events of recognition so far."""
        return self._voice.turn_is_open

    @property
    def has_audio(self) -> bool:
        """Whether recognition has taken any audio over the current stream."""
        return self._sent_samples > 0

    def position_s(self, sample: int) -> float:
        """The position of `sample` of the current stream, in seconds of audio since the connection began."""
        return round((self._stream_began + sample) / self._sample_rate_hz, 3)

    def seconds_since(self, sample: int) -> float:
        """How long ago `sample` was, in seconds of audio."""
        return max(0.0, (self._sent_samples - sample) / self._sample_rate_hz)

    def patience_changed(self) -> None:
        """Recognition is told of the new patience together with the next audio. Returns at once."""
        self._patience_changed = True

    async def run(self) -> None:
        """Recognise the audio until it is finished, over as many streams as necessary."""
        while first := await self._next_pcm():
            try:
                await (self._end_at(first) if isinstance(first, StreamCut) else in_own_task(self._recognise(first)))
            except* ServiceError as group:
                self._voice.turn_is_open = False
                is_news = self._failure is None
                self._failure = first_service_error(group)
                if is_news:
                    self._unheard = UnheardAudio(self._window_samples, self._sample_rate_hz)
                    await self._deliver(HearingFailed(self._failure))
                await self._end_at(self._cut)
                await self._wait_to_reopen()
        await self._deliver(HearingEnded())

    @property
    def _is_dropping(self) -> bool:
        """Whether the current stream ends with a cut that drops its audio."""
        return self._cut is not None and not self._cut.keep

    async def _end_at(self, cut: StreamCut | None) -> None:
        if cut:
            await self._deliver(TurnCut(cut.keep, cut.turn_id))

    async def _next_pcm(self) -> bytes | StreamCut:
        """As `LearnerAudio.next`. While recognition is unavailable, the audio is kept."""
        pcm = await self._audio.next()
        if isinstance(pcm, StreamCut):
            self._unheard.drop()
        elif pcm and self._failure and self._unheard.add(pcm):
            await self._tell_unheard(self._failure)
        return pcm

    async def _recognise(self, first: bytes) -> None:
        """Recognise over one stream until the audio is finished or cut. Raises ServiceError.

        The stream begins with the audio that nobody has heard. `first` is the latest part of it.
        """
        pieces = (self._failure and self._unheard.pieces()) or (first,)
        self._sent_samples = 0
        self._stream_began = self._audio.samples - sum(map(len, pieces)) // BYTES_PER_SAMPLE
        self._cut = None
        self._voice.begin_stream()
        # The watch begins before the stream is open: if the server hangs and other streams have filled the shared
        # connection, opening takes long, too.
        self._stall.begin()
        async with asyncio.TaskGroup() as watch:
            watching = watch.create_task(self._stall.run())
            async with (
                self._asr.open(
                    sample_rate_hz=self._sample_rate_hz, language=self._language(), patience=self._patience()
                ) as stream,
                asyncio.TaskGroup() as tasks,
            ):
                await self._deliver_events(stream, tasks.create_task(self._feed(stream, pieces)))
            watching.cancel()
        await self._end_at(self._cut)

    async def _deliver_events(self, stream: AsrStream, feeding: asyncio.Task[None]) -> None:
        """Deliver the events of a stream to its end. Raises ServiceError if it ends before the audio."""
        async for event in stream:
            if self._failure:
                self._failure, self._is_doubtful = None, True
                self._unheard.drop()
            self._voice.follow(event, self._sent_samples)
            if not self._is_dropping:
                await self._deliver(Heard(event))
            if self._is_doubtful and isinstance(event, EndOfTurn):
                self._is_doubtful = False
                await self._check_first_turn(event)
        if not feeding.done():
            raise UnavailableError("ASR: the service ended the stream (is it restarting?); go on speaking")

    async def _check_first_turn(self, turn: EndOfTurn) -> None:
        """Tell the learner if the first turn after a failure had no words: the turn's beginning may be missing."""
        heard = turn.transcript
        if not heard.text and heard.start_sample < DOUBTFUL_S * self._sample_rate_hz and not self._is_dropping:
            await self._tell_unheard(
                UnavailableError(
                    "speech recognition was unavailable and heard only part of what you said: say it again"
                )
            )

    async def _tell_unheard(self, why: ServiceError) -> None:
        metrics.UNHEARD.inc()
        await self._deliver(HearingFailed(why))

    async def _tell_slow(self, error: DeadlineError) -> bool:
        """Tell the learner that recognition is slow. Returns False if the learner already knows that it has failed."""
        if self._failure:
            return False
        await self._deliver(HearingIsSlow(error))
        return True

    async def _feed(self, stream: AsrStream, pieces: Sequence[bytes]) -> None:
        """Send these pieces and all audio after them, up to a cut or the end, then finish the stream."""
        for piece in pieces[:-1]:
            await self._send(stream, piece)
        chunk: bytes | StreamCut = pieces[-1]
        while chunk and not isinstance(chunk, StreamCut):
            if self._patience_changed:
                self._patience_changed = False
                await stream.set_patience(self._patience())
            await self._send(stream, chunk)
            if self._voice.lasting.tell(self._sent_samples):
                await self._deliver(VoiceLasts())
            self._voice.expect(self._sent_samples)
            chunk = await self._next_pcm()
        self._cut = chunk if isinstance(chunk, StreamCut) else None
        await stream.finish()

    async def _send(self, stream: AsrStream, chunk: bytes) -> None:
        self._stall.begin()
        await stream.send(chunk)
        self._stall.end()
        self._sent_samples += len(chunk) // BYTES_PER_SAMPLE

    async def _wait_to_reopen(self) -> None:
        """Read the audio of the next REOPEN_AFTER_S, which `_unheard` keeps."""
        try:
            async with asyncio.timeout(REOPEN_AFTER_S):
                while item := await self._next_pcm():
                    if isinstance(item, StreamCut):
                        await self._end_at(item)
        except TimeoutError:
            return
