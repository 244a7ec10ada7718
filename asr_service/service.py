"""The gRPC service: makes requests to a session of proto messages, and proto messages of the session's events.

Only this file knows the proto messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from aitalk.asr.v1 import asr_pb2 as pb
from aitalk.asr.v1 import asr_pb2_grpc

from asr_service import events as ev
from asr_service.audio import ENGINE_RATE_HZ, Audio, check_pcm, check_rate, check_recording, pcm_to_float, resample
from asr_service.config import AsrSettings
from asr_service.engine import AsrEngine
from asr_service.metrics import AUDIO_SECONDS
from asr_service.pronunciation import Pronunciation
from asr_service.recognition.decoder import Decoder
from asr_service.session import DRAINS, StreamSession
from asr_service.stream import Finish, Request, StreamConfig
from asr_service.turn_taking.decisions import EndReason
from asr_service.turn_taking.endpointing import Endpointing
from asr_service.turn_taking.turn_judge import NetworksJudge
from asr_service.verbatim.lane import VerbatimLane
from asr_service.voice.vad import WINDOW, SileroVad
from asr_service.voice.vad_thread import VadThread
from common.engine_info import engine_info
from common.errors import InvalidInputError, SequenceError, UnavailableError
from common.first_message import first_message
from common.grpc_server import Service
from common.pcm import BYTES_PER_SAMPLE
from common.slots import Slots

MAX_RECORDING_S = 600
MAX_EXPECTED_CHARS = 400
SHORT_RECORDING_S = 30  # what Whisper hears at once
_CANCEL_LAG_S = 0.5
_REASONS = {
    EndReason.SILENCE: pb.END_REASON_SILENCE,
    EndReason.MAX_LENGTH: pb.END_REASON_MAX_LENGTH,
    EndReason.FINISHED: pb.END_REASON_FINISHED,
}


def create_service(engine: AsrEngine, settings: AsrSettings) -> Service:
    """The ASR service for `common.grpc_server`, around an engine that is not yet loaded."""
    servicer = AsrServicer(engine, settings)
    return Service(
        label="ASR",
        name=pb.DESCRIPTOR.services_by_name["AsrService"].full_name,
        register=lambda server: asr_pb2_grpc.add_AsrServiceServicer_to_server(servicer, server),
        warm_up=servicer.warm_up,
        close=servicer.close,
        drain=servicer.drain,
    )


class AsrServicer(asr_pb2_grpc.AsrServiceServicer):
    """See protos/aitalk/asr/v1/asr.proto."""

    def __init__(self, engine: AsrEngine, settings: AsrSettings) -> None:
        self._settings = settings
        self._endpointing = settings.endpointing
        self._slots = Slots("asr", settings.asr_max_streams)
        self._decoder = Decoder(engine, settings.asr_threads, settings.asr_max_batch)
        self._vad_executor = ThreadPoolExecutor(1, thread_name_prefix="asr-vad")
        self._vad_thread: VadThread | None = None
        self._judge = NetworksJudge(settings.text_model, settings.models_cache_dir.expanduser())
        self._verbatim = VerbatimLane(self._decoder) if settings.asr_verbatim != "off" else None
        self._pronunciation = Pronunciation()
        self._ready = False
        self._draining = asyncio.Event()

    async def warm_up(self) -> None:
        """Load the models and run each once, so that the first learner waits no longer than later ones."""
        loop = asyncio.get_running_loop()
        self._vad_thread = VadThread(await loop.run_in_executor(self._vad_executor, SileroVad), self._vad_executor)
        await self._vad_thread.hear(self._vad_thread.open(ENGINE_RATE_HZ), bytes(BYTES_PER_SAMPLE * WINDOW))
        await self._judge.load()
        await self._decoder.load()
        if self._verbatim and self._settings.asr_verbatim == "words":
            await self._verbatim.load()
        noise = np.random.default_rng(0).normal(0, 0.01, ENGINE_RATE_HZ).astype(np.float32)
        await self._decoder.decode(noise, language="", quality="final")
        self._ready = True

    def drain(self) -> None:
        """Take no new streams, and end each open stream as soon as its learner is between two turns."""
        self._draining.set()

    async def close(self) -> None:
        """Release the models."""
        self._vad_executor.shutdown(wait=False, cancel_futures=True)
        self._judge.close()
        if self._verbatim:
            self._verbatim.close()
        self._pronunciation.close()
        await self._decoder.close()

    # --- calls ----------------------------------------------------------------------------------

    async def StreamingRecognize(  # type: ignore[override]  # the stub is a generator; this writes responses itself
        self, request_iterator: AsyncIterator[pb.StreamingRecognizeRequest], context: Any
    ) -> None:
        """Recognise one stream of audio, and write its events."""
        if self._draining.is_set():
            raise UnavailableError(DRAINS)
        with self._slots.take():
            first = await first_message(request_iterator)
            if first is None or first.WhichOneof("request") != "config":
                raise SequenceError("the first message of StreamingRecognize must be `config`")
            assert self._vad_thread is not None  # noqa: S101  no calls before warm-up
            config = self._stream_config(first.config)
            # Tells a proxy that this replica has accepted the stream, so the proxy need not keep the audio for a retry.
            await context.send_initial_metadata(())
            session = StreamSession(
                config,
                decoder=self._decoder,
                judge=self._judge,
                vad_thread=self._vad_thread,
                emit=lambda event: context.write(_response(event)),
                draining=self._draining,
                verbatim=self._verbatim,
            )
            await session.run(self._requests(request_iterator))

    async def Recognize(self, request: pb.RecognizeRequest, context: Any) -> pb.RecognizeResponse:
        """The words of a whole recording."""
        if len(request.expected_text) > MAX_EXPECTED_CHARS:
            raise InvalidInputError(
                f"expected_text has {len(request.expected_text)} characters; send at most {MAX_EXPECTED_CHARS}"
            )
        with self._slots.take():
            check_rate(request.sample_rate_hz)
            check_pcm(request.audio)
            check_recording(request.audio)
            seconds = len(request.audio) / BYTES_PER_SAMPLE / request.sample_rate_hz
            if not 0 < seconds <= MAX_RECORDING_S:
                raise InvalidInputError(
                    f"the recording has {seconds:.1f} seconds; send more than 0 and at most {MAX_RECORDING_S}, "
                    "or use StreamingRecognize"
                )
            AUDIO_SECONDS.inc(seconds)
            audio = partial(_audio_of, request)
            transcript = await self._decoder.decode_recording(
                audio,
                language=request.language,
                translate=request.translate,
                context=request.context,
                is_short=seconds <= SHORT_RECORDING_S,
            )
            last = round(seconds * ENGINE_RATE_HZ)
            start = min(transcript.words[0].start, last) if transcript.words else 0
            end = min(transcript.words[-1].end, last) if transcript.words else last
            turn = ev.spoken_turn(transcript, start, end, offset=0, rate=request.sample_rate_hz / ENGINE_RATE_HZ)
            response = pb.RecognizeResponse(transcript=_transcript(turn))
        if request.expected_text and transcript.words:  # without a slot, which a learner may need
            language = request.language or turn.language
            for word, slip, _ in await self._pronunciation.slips(audio, request.expected_text, language):
                response.slips.add(word=word, expected=slip.right, heard=slip.wrong)
        return response

    async def Describe(self, request: pb.DescribeRequest, context: Any) -> pb.DescribeResponse:
        """The engine, its slots and its memory, also while it loads."""
        description = self._decoder.engine.describe()
        return pb.DescribeResponse(engine=engine_info(description, self._slots, ready=self._ready))

    # --- messages in ----------------------------------------------------------------------------

    def _stream_config(self, config: pb.StreamingConfig) -> StreamConfig:
        check_rate(config.sample_rate_hz)
        interval = 0 if config.disable_partials else self._settings.asr_partial_interval_ms
        return StreamConfig(
            config.sample_rate_hz,
            config.language,
            self._endpointing_of(config.endpointing),
            interval,
            config.voice_activity_events,
            config.verbatim,
        )

    def _endpointing_of(self, message: pb.Endpointing) -> Endpointing:
        return self._endpointing.overridden(
            eager_silence_ms=message.eager_silence_ms,
            end_silence_ms=message.end_silence_ms,
            max_turn_ms=message.max_turn_ms,
            min_silence_ms=message.min_silence_ms,
            max_silence_ms=message.max_silence_ms,
            patience=message.patience,
            usual_pause_ms=message.usual_pause_ms,
        )

    async def _requests(self, messages: AsyncIterator[pb.StreamingRecognizeRequest]) -> AsyncIterator[Request]:
        async for message in messages:
            match message.WhichOneof("request"):
                case "audio":
                    yield message.audio
                case "endpointing":
                    yield self._endpointing_of(message.endpointing)
                case "finish":
                    yield Finish()
                case "config":
                    raise SequenceError(
                        "`config` comes once, as the first message; to change the endpointing, send `endpointing`"
                    )
                case _:
                    raise InvalidInputError("a message is empty; set one of audio, endpointing, finish")
        # When a client cancels, its messages seem to end normally, and this task is cancelled only a moment later. So
        # wait for that. Otherwise the missing `finish` would be reported as an error.
        await asyncio.sleep(_CANCEL_LAG_S)


def _audio_of(request: pb.RecognizeRequest) -> Audio:
    return resample(pcm_to_float(request.audio), request.sample_rate_hz)


# --- messages out -------------------------------------------------------------------------------


def _response(event: ev.Event) -> pb.StreamingRecognizeResponse:
    match event:
        case ev.SpeechStarted(start, traceparent):
            started = pb.SpeechStarted(start_sample=start, traceparent=traceparent)
            return pb.StreamingRecognizeResponse(speech_started=started)
        case ev.Partial(stable, unstable, end):
            partial = pb.Partial(stable_text=stable, unstable_text=unstable, end_sample=end)
            return pb.StreamingRecognizeResponse(partial=partial)
        case ev.EagerEndOfTurn(turn, probability):
            eager = pb.EagerEndOfTurn(transcript=_transcript(turn), probability=probability)
            return pb.StreamingRecognizeResponse(eager_end_of_turn=eager)
        case ev.TurnResumed(start):
            return pb.StreamingRecognizeResponse(turn_resumed=pb.TurnResumed(start_sample=start))
        case ev.EndOfTurn(turn, reason, pauses):
            end_of_turn = pb.EndOfTurn(
                transcript=_transcript(turn),
                reason=_REASONS[reason],
                usual_pause_ms=pauses.usual_ms,
                longest_pause_ms=pauses.longest_ms,
            )
            return pb.StreamingRecognizeResponse(end_of_turn=end_of_turn)
        case ev.VerbatimTranscript(turn):
            verbatim = pb.VerbatimTranscript(transcript=_transcript(turn))
            return pb.StreamingRecognizeResponse(verbatim_transcript=verbatim)
        case ev.VoicePaused(end):
            return pb.StreamingRecognizeResponse(voice_paused=pb.VoicePaused(end_sample=end))
        case ev.VoiceContinued(start):
            return pb.StreamingRecognizeResponse(voice_continued=pb.VoiceContinued(start_sample=start))


def _transcript(turn: ev.SpokenTurn) -> pb.Transcript:
    return pb.Transcript(
        text=turn.text,
        words=[
            pb.Word(text=word.text, start_sample=word.start, end_sample=word.end, confidence=word.confidence)
            for word in turn.words
        ],
        start_sample=turn.start_sample,
        end_sample=turn.end_sample,
        language=turn.language,
    )
