"""The gRPC service aitalk.tts.v1.TtsService: proto messages to a reply's synthesis and back.

    requests ── _read ──clauses── speak_all (in a thread) ──chunks── responses

Synthesis pauses while the client isn't reading: gRPC sends what fits into the client's flow-control window, and only as
much more is made as `pacing.py` allows. When the client cancels, synthesis ends after the current piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import anyio
import grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc
from anyio.streams.memory import MemoryObjectSendStream

from common.engine_info import engine_info
from common.errors import InvalidInputError, SequenceError
from common.first_message import first_message
from common.grpc_client import MAX_MESSAGE_BYTES
from common.grpc_server import Service
from common.slots import Slots
from common.speech import MAX_SAMPLE_RATE_HZ, MAX_SPEED, MAX_TEXT_CHARS, MIN_SAMPLE_RATE_HZ, MIN_SPEED
from tts_service import metrics
from tts_service.config import TtsSettings
from tts_service.engine import TtsEngine
from tts_service.speech.pacing import Pacer
from tts_service.speech.speaking import speak_all
from tts_service.speech.streaming_text import create_synthesis, splitter_for
from tts_service.speech.synthesis import SpeechChunk, Synthesis
from tts_service.speech.worker import Worker
from tts_service.text.clauses import Clause, ClauseSplitter, Splitter, has_words
from tts_service.voices import choose_voice, speaks

_MAX_AUDIO_BYTES = MAX_MESSAGE_BYTES - 2**20  # leaves room for the words
_AHEAD = 1  # items that wait in a channel, besides the one being made and the one being sent
_HALF_CLOSE_S = 1.0
# A client's cancellation first looks like the end of its requests. The cancellation itself follows within this time.
_CANCEL_GRACE_S = 0.2

Requests = AsyncIterator[tts_pb2.StreamingSynthesizeRequest]


def create_service(engine: TtsEngine, settings: TtsSettings) -> Service:
    """The TTS service for `common.grpc_server`, around an engine that is not yet loaded."""
    servicer = TtsServicer(engine, settings)
    return Service(
        label="TTS",
        name="aitalk.tts.v1.TtsService",
        register=partial(tts_pb2_grpc.add_TtsServiceServicer_to_server, servicer),
        warm_up=servicer.warm_up,
        close=servicer.close,
    )


class TtsServicer(tts_pb2_grpc.TtsServiceServicer):
    """See protos/aitalk/tts/v1/tts.proto. One engine, and a slot for each reply that is spoken."""

    def __init__(self, engine: TtsEngine, settings: TtsSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._slots = Slots("tts", settings.tts_max_streams)
        self._worker = Worker(settings.tts_threads)
        self._loads = False
        self._ready = False

    async def warm_up(self) -> None:
        """Load the engine and have it say a sentence, because the first one is slower than the rest."""
        self._loads = True
        await self._worker.run(self._engine.load)
        self._loads = False
        reply = self._reply(tts_pb2.SynthesisConfig())
        for clause in ClauseSplitter().push("The voice is ready. "):
            await self._worker.run(partial(_chain, reply.speak(clause)))
        self._ready = True

    async def close(self) -> None:
        """Release the engine once its threads are done."""
        if self._loads:  # makes the loading thread end soon
            self._engine.close()
        await self._worker.close()
        self._engine.close()

    # --- calls ----------------------------------------------------------------------------------

    async def StreamingSynthesize(self, requests: Requests, context: Any) -> None:  # type: ignore[override]
        """The speech of one reply, while its text arrives."""
        with self._slots.take(), _cancels_counted():
            reply = self._reply(await _first_config(requests))
            timer = metrics.FirstAudioTimer()
            pacer = Pacer(self._worker, reply.sample_rate_hz)
            clauses_in, clauses = anyio.create_memory_object_stream[Clause](_AHEAD)
            chunks_in, chunks = anyio.create_memory_object_stream[list[SpeechChunk]](_AHEAD)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_read(requests, clauses_in, timer, splitter_for(reply)))
                tasks.create_task(speak_all(reply, clauses, chunks_in, self._worker, pacer, timer))
                with chunks:
                    async for piece in chunks:
                        for chunk in piece:
                            await _write(chunk, reply.sample_rate_hz, context)
                            pacer.taken(chunk)
            await _half_close(requests)

    async def Synthesize(self, request: tts_pb2.SynthesizeRequest, context: Any) -> tts_pb2.SynthesizeResponse:
        """The speech of a whole text."""
        if len(request.text) > MAX_TEXT_CHARS:
            raise _too_long(len(request.text))
        with self._slots.take(), _cancels_counted():
            reply = self._reply(request.config)
            splitter = ClauseSplitter(eager=False, language=reply.spoken_language)
            chunks: list[SpeechChunk] = []
            for clause in [*splitter.push(request.text), *splitter.finish()]:
                chunks += await self._worker.run(partial(_chain, reply.speak(clause)))
                if sum(len(chunk.pcm) for chunk in chunks) > _MAX_AUDIO_BYTES:
                    raise InvalidInputError(
                        "the speech is too long for one answer; ask for a lower rate or use StreamingSynthesize"
                    )
            chunks += await self._worker.run(reply.finish)
        return tts_pb2.SynthesizeResponse(
            audio=b"".join(chunk.pcm for chunk in chunks),
            sample_rate_hz=reply.sample_rate_hz,
            words=[word for chunk in chunks for word in _word_messages(chunk)],
            timing_estimated=any(chunk.timing_estimated for chunk in chunks),
        )

    async def ListVoices(self, request: tts_pb2.ListVoicesRequest, context: Any) -> tts_pb2.ListVoicesResponse:
        """The voices of the requested language, its default first; all voices, if no language is requested."""
        voices = [voice for voice in self._engine.voices() if speaks(voice, request.language)]
        return tts_pb2.ListVoicesResponse(
            voices=[
                tts_pb2.Voice(
                    id=voice.id,
                    name=voice.name,
                    language=voice.language,
                    native_sample_rate_hz=voice.sample_rate_hz,
                )
                for voice in voices
            ]
        )

    async def Describe(self, request: tts_pb2.DescribeRequest, context: Any) -> tts_pb2.DescribeResponse:
        """The engine, and the slots and memory of this service; answered also while the engine loads."""
        return tts_pb2.DescribeResponse(engine=engine_info(self._engine.describe(), self._slots, ready=self._ready))

    # --- helpers --------------------------------------------------------------------------------

    def _reply(self, config: tts_pb2.SynthesisConfig) -> Synthesis:
        """The synthesis that `config` requests. Raises InvalidInputError if a value is out of range."""
        rate = config.sample_rate_hz or self._settings.tts_sample_rate
        if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
            bounds = f"from {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}"
            raise InvalidInputError(f"sample_rate_hz is {rate}; it must be {bounds}, or 0 for the default")
        speed = config.speed or 1.0
        if not MIN_SPEED <= speed <= MAX_SPEED:
            bounds = f"from {MIN_SPEED:g} to {MAX_SPEED:g}"
            raise InvalidInputError(f"speed is {speed:g}; it must be {bounds}, or 0 for the voice's own")
        voice = choose_voice(self._engine.voices(), config.voice, config.language)
        return create_synthesis(self._engine, voice, sample_rate_hz=rate, speed=speed, language=config.language)


async def _first_config(requests: Requests) -> tts_pb2.SynthesisConfig:
    request = await first_message(requests)
    if request is None:
        await asyncio.sleep(_CANCEL_GRACE_S)
    elif request.WhichOneof("request") == "config":
        return request.config
    raise SequenceError("the first message must be the config; send it before any text")


async def _read(
    requests: Requests,
    clauses: MemoryObjectSendStream[Clause],
    timer: metrics.FirstAudioTimer,
    splitter: Splitter,
) -> None:
    """Cut the text of `requests` into clauses until `finish` arrives."""
    with clauses:
        async for request in requests:
            match request.WhichOneof("request"):
                case "config":
                    raise SequenceError("a second config; open another stream to change it")
                case "finish":
                    for clause in splitter.finish():
                        await clauses.send(clause)
                    return
                case _:
                    if splitter.length + len(request.text) > MAX_TEXT_CHARS:
                        raise _too_long(splitter.length + len(request.text))
                    if has_words(request.text):
                        timer.text_came()
                    for clause in splitter.push(request.text):
                        await clauses.send(clause)
        await asyncio.sleep(_CANCEL_GRACE_S)
        raise SequenceError("the requests ended without `finish`; send it after the last text")


async def _half_close(requests: Requests) -> None:
    """Wait up to a second for the end of the requests.

    If a stream's response ends before its requests, a proxy may reset the stream, and drop what the client hasn't read
    yet.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_HALF_CLOSE_S):
            async for _ in requests:
                pass


def _chain(pieces: Iterable[list[SpeechChunk]]) -> list[SpeechChunk]:
    return [chunk for piece in pieces for chunk in piece]


async def _write(chunk: SpeechChunk, sample_rate_hz: int, context: Any) -> None:
    message = _chunk_message(chunk, sample_rate_hz)
    try:
        await context.write(tts_pb2.StreamingSynthesizeResponse(chunk=message))
    except (
        grpc.aio.InternalError
    ) as error:  # a cancellation cut the write short; the cancellation itself arrives a moment later
        raise asyncio.CancelledError from error


def _too_long(length: int) -> InvalidInputError:
    return InvalidInputError(f"{length:,} characters of text; at most {MAX_TEXT_CHARS:,} can be spoken in one reply")


@contextmanager
def _cancels_counted() -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        metrics.CANCELLED.inc()
        raise


def _chunk_message(chunk: SpeechChunk, sample_rate_hz: int) -> tts_pb2.AudioChunk:
    return tts_pb2.AudioChunk(
        audio=chunk.pcm,
        start_sample=chunk.start_sample,
        text_start=chunk.text_start,
        text_end=chunk.text_end,
        words=_word_messages(chunk),
        timing_estimated=chunk.timing_estimated,
        sample_rate_hz=sample_rate_hz,
    )


def _word_messages(chunk: SpeechChunk) -> list[tts_pb2.WordTiming]:
    return [
        tts_pb2.WordTiming(
            text=word.text,
            text_start=word.text_start,
            text_end=word.text_end,
            start_sample=word.start_sample,
            end_sample=word.end_sample,
        )
        for word in chunk.words
    ]
