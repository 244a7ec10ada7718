"""One stream: audio in, events out.

    requests ──▶ listen: resample, VAD, endpointing, record ──steps──▶ answer: decode, emit ──▶ events

The two run side by side, so that listening goes on while the model decodes; the channel between them is short, so
that a client that sends faster than the model decodes is slowed down. The answering half does one thing after the
other: events come in the order of what happened.

The turn is decoded as soon as a pause begins, in a task of its own, and dropped if the voice goes on at once. Listening
waits for it only when endpointing asks whether the speaker is done: what it decides depends on the audio alone, not on
how long a model takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from opentelemetry.trace import use_span

from asr_service.audio import ENGINE_RATE_HZ, check_pcm
from asr_service.engine import Quality, Transcript, Word
from asr_service.events import (
    EagerEndOfTurn,
    EndOfTurn,
    Event,
    Partial,
    SpeechStarted,
    SpokenTurn,
    TurnResumed,
    VoiceContinued,
    VoicePaused,
    spoken_turn,
)
from asr_service.metrics import AUDIO_SECONDS, TURN_MODEL_SKIPPED, TURNS
from asr_service.recognition.decoder import Decoder
from asr_service.recognition.utterance import Recorder, Utterance
from asr_service.turn_taking import decisions
from asr_service.turn_taking.end_of_turn import probability_of_end
from asr_service.turn_taking.endpointer import ONSET_MS, Endpointer
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.pauses import NO_PAUSES, PauseStatistics
from asr_service.turn_taking.turn_judge import TurnJudge
from asr_service.voice.vad import WINDOW, Windows
from asr_service.voice.vad_thread import VadThread
from common.errors import InvalidInputError, SequenceError, UnavailableError
from common.tracing import stage, to_traceparent, under

logger = logging.getLogger(__name__)

DRAINS = "this replica is shutting down; open the stream again at another one"
MAX_CHUNK_BYTES = 1024 * 1024
_STEPS = 8  # decisions that may wait for the model: some pauses, after which listening waits too
_PARTIAL_WINDOW = 6 * ENGINE_RATE_HZ  # a partial decodes no more than this, once its beginning is agreed on,
_PARTIAL_LIMIT = 12 * ENGINE_RATE_HZ  # and this in any case: the work for a second of speech does not grow
_WHOLE = 15 * ENGINE_RATE_HZ  # a longer turn is decoded from where its words are agreed on,
_OVERLAP = ENGINE_RATE_HZ // 4  # or a little before, so that no word is cut in two


class Finish:
    """The client's word that no more audio comes."""


Request: TypeAlias = bytes | Endpointing | Finish


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """`partial_interval_ms` 0: no partials."""

    sample_rate_hz: int
    language: str
    endpointing: Endpointing
    partial_interval_ms: int
    voice_activity_events: bool = False


@dataclass(frozen=True, slots=True)
class _PartialDue:
    pass


@dataclass(frozen=True, slots=True)
class _Step:
    """Something to tell of an utterance, which was heard up to `position` at that time."""

    what: decisions.Decision | _PartialDue
    utterance: Utterance
    position: int
    final: asyncio.Task[Transcript] | None = None
    pauses: PauseStatistics = NO_PAUSES


class StreamSession:
    """Recognises one stream. `emit` sends an event to the client; `listening` is where the VAD runs.

    `judge` says how the end of a turn sounds; it is asked unless the silence that ends a turn is fixed. Once `draining`
    is set, the stream ends with UnavailableError as soon as no turn is open: another replica goes on from there.
    """

    def __init__(
        self,
        config: StreamConfig,
        *,
        decoder: Decoder,
        judge: TurnJudge,
        listening: VadThread,
        emit: Callable[[Event], Awaitable[None]],
        draining: asyncio.Event | None = None,
    ) -> None:
        self._config = config
        self._decoder = decoder
        self._judge = judge
        self._listening = listening
        self._emit_one = emit
        self._emitting = asyncio.Lock()  # gRPC takes one message at a time
        self._rate = config.sample_rate_hz / ENGINE_RATE_HZ
        self._ear = listening.open(config.sample_rate_hz)
        self._endpointer = Endpointer(config.endpointing, window=WINDOW, rate_hz=ENGINE_RATE_HZ)
        self._recorder = Recorder(WINDOW, ONSET_MS * ENGINE_RATE_HZ // 1000)
        self._last_partial = 0
        self._draining = draining or asyncio.Event()
        self._open_turns = 0  # begun and not yet answered
        self._between_turns = asyncio.Event()
        self._between_turns.set()

    async def run(self, requests: AsyncIterator[Request]) -> None:
        """Until the client has finished; raises InvalidInputError and SequenceError for what it sends wrongly.

        Raises UnavailableError between two turns if the replica drains.
        """
        send, receive = anyio.create_memory_object_stream[_Step](_STEPS)
        with send, receive:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._answer(receive))
                leaving = tasks.create_task(self._leave_between_turns())
                try:
                    await self._listen(requests, send)
                finally:
                    if self._recorder.utterance:  # the client has left in the middle of it
                        self._end_of(self._recorder.utterance, "cancelled")
                send.close()
                leaving.cancel()

    async def _leave_between_turns(self) -> None:
        await self._draining.wait()
        await self._between_turns.wait()
        raise UnavailableError(DRAINS)

    def _count_turn(self, by: int) -> None:
        self._open_turns += by
        if self._open_turns:
            self._between_turns.clear()
        else:
            self._between_turns.set()

    # --- listening ------------------------------------------------------------------------------

    async def _listen(self, requests: AsyncIterator[Request], steps: MemoryObjectSendStream[_Step]) -> None:
        async for request in requests:
            match request:
                case bytes():
                    await self._hear(request, steps)
                case Endpointing():
                    self._endpointer.reconfigure(request)
                case Finish():
                    await self._follow(await self._listening.hear(self._ear, b"", last=True), steps)
                    await self._decide(self._endpointer.finish(), steps)
                    return
        raise SequenceError("the request stream ended without `finish`; send `finish` to have the open turn answered")

    async def _hear(self, pcm: bytes, steps: MemoryObjectSendStream[_Step]) -> None:
        if len(pcm) > MAX_CHUNK_BYTES:
            raise InvalidInputError(
                f"an audio message has {len(pcm)} bytes; send at most {MAX_CHUNK_BYTES} at once, 20 to 100 ms is best"
            )
        check_pcm(pcm)
        AUDIO_SECONDS.inc(len(pcm) / 2 / self._config.sample_rate_hz)
        second = 2 * self._config.sample_rate_hz  # one at a time, so that other streams get their turn
        for begin in range(0, len(pcm), second):
            piece = pcm[begin : begin + second]
            await self._follow(await self._listening.hear(self._ear, piece), steps)

    async def _follow(self, windows: Windows, steps: MemoryObjectSendStream[_Step]) -> None:
        for window, probability in windows:
            self._recorder.add(window)
            await self._decide(self._endpointer.hear(probability), steps)
            await self._offer_partial(steps)

    async def _decide(
        self, decided: Sequence[decisions.DecisionOrQuestion], steps: MemoryObjectSendStream[_Step]
    ) -> None:
        position = self._endpointer.position
        for decision in decided:
            if isinstance(decision, decisions.SpeechStarted):
                self._last_partial = position
                self._count_turn(+1)
                self._recorder.open(decision.start, position)
            utterance = self._recorder.utterance
            assert utterance is not None  # noqa: S101  every decision is about an open turn
            match decision:
                case decisions.VoicePaused(end):
                    utterance.could_end = None
                    utterance.final = self._tasks.create_task(self._decode_turn(utterance, position))
                    await self._tell_of_voice(VoicePaused(self._at(end)))
                case decisions.VoiceContinued():
                    utterance.drop_final()
                    await self._tell_of_voice(VoiceContinued(self._at(position)))
                case decisions.Assess():
                    await self._assess(utterance, steps)
                case _:
                    if isinstance(decision, decisions.EagerEndOfTurn | decisions.EndOfTurn):
                        utterance.drop_partial()
                    statistics = self._endpointer.pauses.statistics
                    await steps.send(_Step(decision, utterance, position, utterance.final, statistics))
            if isinstance(decision, decisions.TurnResumed):
                utterance.final = None
            elif isinstance(decision, decisions.EndOfTurn):
                self._recorder.close()

    async def _tell_of_voice(self, event: VoicePaused | VoiceContinued) -> None:
        """At once: what takes time, a partial for one, must not hold it up."""
        if self._config.voice_activity_events:
            await self._emit(event)

    async def _emit(self, event: Event) -> None:
        async with self._emitting:
            await self._emit_one(event)

    async def _assess(self, utterance: Utterance, steps: MemoryObjectSendStream[_Step]) -> None:
        """Whether the speaker is done, by the words and by the sound so far.

        What the decode alone says is enough to begin a reply, not to end the turn. The network that hears the sound is
        asked where its answer can change what is decided: it takes time of a core.
        """
        assert utterance.final is not None  # noqa: S101  the pause began before it is asked about
        end = self._endpointer.position
        with stage("asr.end_of_turn", under(utterance.span)):
            heard = await utterance.final
            language = heard.language or self._config.language
            if utterance.could_end is None:
                await self._decide(self._endpointer.suppose(probability_of_end(0.5, heard, language)), steps)
                utterance.could_end = await self._judge.could_end(heard.text, language)

            def given(acoustic: float) -> float:
                return probability_of_end(acoustic, heard, language, utterance.could_end)

            if self._endpointer.is_settled(given(0.0), given(1.0)):
                TURN_MODEL_SKIPPED.inc()
                probability = given(0.5)
            else:
                probability = given(await self._judge.acoustic(utterance.cut(end - self._judge.heard, end)))
        await self._decide(self._endpointer.judge(probability), steps)

    async def _offer_partial(self, steps: MemoryObjectSendStream[_Step]) -> None:
        """Have a partial made if one is due, while the voice goes on and the model has nothing better to do."""
        utterance, position = self._recorder.utterance, self._endpointer.position
        interval = self._config.partial_interval_ms * ENGINE_RATE_HZ // 1000
        if utterance is None or not interval or position - self._last_partial < interval:
            return
        if utterance.partial_pending or not (self._endpointer.is_voiced and self._decoder.takes_partials):
            return
        self._last_partial = position
        utterance.partial_pending = True
        await steps.send(_Step(_PartialDue(), utterance, position))

    # --- answering ------------------------------------------------------------------------------

    async def _answer(self, steps: MemoryObjectReceiveStream[_Step]) -> None:
        async for step in steps:
            match step.what:
                case decisions.SpeechStarted(start):
                    await self._emit(SpeechStarted(self._at(start), to_traceparent(step.utterance.turn)))
                case _PartialDue():
                    await self._answer_partial(step)
                    step.utterance.partial_pending = False
                case decisions.EagerEndOfTurn(end, probability):
                    turn = await self._understand(step, end)
                    if turn.text:  # to no words there is no reply to prepare
                        step.utterance.eager_told = True
                        step.utterance.span.add_event("eager_end_of_turn", {"probability": probability})
                        await self._emit(EagerEndOfTurn(turn, probability))
                case decisions.TurnResumed(start):
                    if step.utterance.eager_told:
                        await self._emit(TurnResumed(self._at(start)))
                    step.utterance.eager_told = False
                case decisions.EndOfTurn(end, reason):
                    turn = await self._understand(step, end)
                    TURNS.labels(reason.value).inc()
                    self._end_of(step.utterance, reason.value)
                    await self._emit(EndOfTurn(turn, reason, step.pauses))
                    self._count_turn(-1)

    def _end_of(self, utterance: Utterance, reason: str) -> None:
        with use_span(utterance.span, end_on_exit=True):
            utterance.span.set_attribute("reason", reason)
            logger.debug("turn heard: %s", reason)

    async def _answer_partial(self, step: _Step) -> None:
        utterance, agreement = step.utterance, step.utterance.agreement
        if utterance.final or not self._decoder.takes_partials:  # a pause has begun: its decode comes first
            return
        if step.position - utterance.partial_from > _PARTIAL_WINDOW:
            utterance.partial_from = max(utterance.partial_from, agreement.agreed_end)
        begin = utterance.partial_from = max(utterance.partial_from, step.position - _PARTIAL_LIMIT)
        decode = self._tasks.create_task(self._decode(utterance, begin, step.position, final=False))
        utterance.partial = decode
        await asyncio.wait({decode})
        if decode.cancelled():  # the turn is over meanwhile, or the model was needed for the end of another
            return
        text = agreement.add(_moved(decode.result().words, begin))
        if text.stable or text.unstable:
            await self._emit(Partial(text.stable, text.unstable, self._at(step.position)))

    async def _understand(self, step: _Step, end: int) -> SpokenTurn:
        """The whole turn. What was decoded when the pause began is not decoded again: only silence followed."""
        utterance = step.utterance
        heard = await step.final if step.final else await self._decode_turn(utterance, step.position)
        return spoken_turn(heard, utterance.voice_start, end, offset=utterance.begin, rate=self._rate)

    async def _decode_turn(self, utterance: Utterance, end: int) -> Transcript:
        """The turn up to `end`; of a long one only what comes after the words that are agreed on."""
        agreement = utterance.agreement
        if end - utterance.begin <= _WHOLE or not agreement.agreed:
            return await self._decode(utterance, utterance.begin, end, final=True)
        begin = max(utterance.begin, agreement.agreed_end - _OVERLAP)
        tail = await self._decode(utterance, begin, end, final=True)
        words = agreement.completed_by(_moved(tail.words, begin))
        text = "".join(word.text for word in words).strip()
        return Transcript(text, _moved(words, -utterance.begin), tail.language, tail.closing)

    async def _decode(self, utterance: Utterance, begin: int, end: int, *, final: bool) -> Transcript:
        audio = utterance.cut(begin, end)
        quality: Quality = "final" if final else "partial"
        about = {"quality": quality, "audio_s": len(audio) / ENGINE_RATE_HZ}
        with stage("asr.decode", under(utterance.span), **about):
            return await self._decoder.decode(audio, language=self._config.language, quality=quality)

    def _at(self, engine_sample: int) -> int:
        """A position of the engine in samples of the stream."""
        return round(engine_sample * self._rate)


def _moved(words: Sequence[Word], by: int) -> tuple[Word, ...]:
    return tuple(Word(word.text, word.start + by, word.end + by, word.confidence) for word in words)
