"""Speech recognition over gRPC, as the port `Asr`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc

from gateway import ports
from gateway.clients.calls import Stream
from gateway.clients.traced import TracedStub


class GrpcAsr:
    """Calls aitalk.asr.v1.AsrService."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = TracedStub(asr_pb2_grpc.AsrServiceStub(channel))

    @asynccontextmanager
    async def open(
        self, *, sample_rate_hz: int, language: str, patience: ports.Patience
    ) -> AsyncIterator[ports.AsrStream]:
        config = asr_pb2.StreamingConfig(
            sample_rate_hz=sample_rate_hz,
            language=language,
            endpointing=_endpointing(patience),
            voice_activity_events=True,
            verbatim=True,
        )
        first = asr_pb2.StreamingRecognizeRequest(config=config)
        async with Stream.open(self._stub.StreamingRecognize, first, "ASR") as call:
            yield _Stream(call)


class _Stream:
    def __init__(self, call: Stream) -> None:
        self._call = call

    async def send(self, pcm: bytes) -> None:
        await self._call.write(asr_pb2.StreamingRecognizeRequest(audio=pcm))

    async def set_patience(self, patience: ports.Patience) -> None:
        await self._call.write(asr_pb2.StreamingRecognizeRequest(endpointing=_endpointing(patience)))

    async def finish(self) -> None:
        await self._call.finish(asr_pb2.StreamingRecognizeRequest(finish=asr_pb2.Finish()))

    async def __aiter__(self) -> AsyncIterator[ports.AsrEvent]:
        async for response in self._call:
            if event := _event(response):
                yield event


def _endpointing(patience: ports.Patience) -> asr_pb2.Endpointing:
    return asr_pb2.Endpointing(
        patience=patience.factor, usual_pause_ms=patience.usual_pause_ms, end_silence_ms=patience.end_silence_ms
    )


def _event(response: asr_pb2.StreamingRecognizeResponse) -> ports.AsrEvent | None:
    match response.WhichOneof("event"):
        case "speech_started":
            return ports.SpeechStarted(response.speech_started.start_sample, response.speech_started.traceparent)
        case "partial":
            return ports.Partial(response.partial.stable_text, response.partial.unstable_text)
        case "eager_end_of_turn":
            return ports.EagerEndOfTurn(transcript_of(response.eager_end_of_turn.transcript))
        case "turn_resumed":
            return ports.TurnResumed(response.turn_resumed.start_sample)
        case "end_of_turn":
            return ports.EndOfTurn(transcript_of(response.end_of_turn.transcript), response.end_of_turn.usual_pause_ms)
        case "voice_paused":
            return ports.VoicePaused(response.voice_paused.end_sample)
        case "voice_continued":
            return ports.VoiceContinued(response.voice_continued.start_sample)
        case "verbatim_transcript":
            return ports.VerbatimTranscript(transcript_of(response.verbatim_transcript.transcript))
        case _:  # an event of a newer service
            return None


def transcript_of(message: asr_pb2.Transcript) -> ports.Transcript:
    """The port's Transcript for a proto message."""
    words = tuple(
        ports.HeardWord(word.text, word.start_sample, word.end_sample, word.confidence) for word in message.words
    )
    return ports.Transcript(message.text, words, message.start_sample, message.end_sample, message.language)
