"""`python -m bench.load.stubs`: a language model and a voice over gRPC that take fixed times.

If VOICED is set, there is also a recogniser that doesn't listen: it knows when the learners speak, and sends its
events once the audio has reached certain samples. With this recogniser, the gateway is measured alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import uvloop
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from pydantic_settings import BaseSettings

from bench.load.delays import HEARD, REPLY, REPLY_RATE_HZ, Delays, reply_pcm, reply_tokens
from bench.load.speech import FRAME, RATE_HZ
from common.engine_info import EngineDescription, engine_info
from common.slots import Slots

_PIECE_S = 0.4  # about as much as an engine gives at once
_ONSET_S = 0.1
EAGER_S, END_S = 0.3, 0.7  # seconds of silence after which asr_service sends these events


class StubSettings(BaseSettings):
    """Ports to listen on (0: none; several may be the same); delays; the learners' program: its voiced spans as JSON,
    and its length."""

    llm_port: int = 0
    tts_port: int = 0
    asr_port: int = 0
    delays: Delays = Delays()
    voiced: str = "[]"
    program_samples: int = 0


def _engine(service: str) -> Any:
    """An engine with free slots. If Describe did not answer, a gateway would treat the server as full and start no
    eager reply."""
    return engine_info(EngineDescription("stub", "set delays", "cpu"), Slots(service, 2000), ready=True)


class LlmStub(llm_pb2_grpc.LlmServiceServicer):
    """Answers with fixed tokens at a fixed pace."""

    def __init__(self, delays: Delays) -> None:
        self._delays = delays

    async def Describe(self, request: Any, context: Any) -> llm_pb2.DescribeResponse:
        """An engine with free slots."""
        return llm_pb2.DescribeResponse(engine=_engine("llm"))

    async def StreamingGenerate(self, request: Any, context: Any) -> AsyncIterator[llm_pb2.StreamingGenerateResponse]:
        """The reply's tokens, each after its delay."""
        await asyncio.sleep(self._delays.first_token)
        for token in reply_tokens():
            yield llm_pb2.StreamingGenerateResponse(delta=token)
            await asyncio.sleep(self._delays.token)
        yield llm_pb2.StreamingGenerateResponse(done=llm_pb2.Done(stop_reason=llm_pb2.STOP_REASON_STOP))


class TtsStub(tts_pb2_grpc.TtsServiceServicer):
    """Begins to speak a fixed time after the first words, as an engine begins with the first clause."""

    def __init__(self, delays: Delays) -> None:
        self._delays = delays
        self._pcm = reply_pcm()

    async def Describe(self, request: Any, context: Any) -> tts_pb2.DescribeResponse:
        """An engine with free slots."""
        return tts_pb2.DescribeResponse(engine=_engine("tts"))

    async def StreamingSynthesize(
        self, request_iterator: AsyncIterator[tts_pb2.StreamingSynthesizeRequest], context: Any
    ) -> AsyncIterator[tts_pb2.StreamingSynthesizeResponse]:
        """The reply's speech, after its delay."""
        async for request in request_iterator:
            if request.HasField("text"):
                break
        await asyncio.sleep(self._delays.speech)
        for chunk in _chunks(self._pcm):
            yield tts_pb2.StreamingSynthesizeResponse(chunk=chunk)
        async for request in request_iterator:  # the rest of the text is already spoken
            if request.HasField("finish"):
                return


def _chunks(pcm: bytes) -> Iterator[tts_pb2.AudioChunk]:
    """The chunks of the reply. Each has a part of the text in proportion to its length, as if that were one word."""
    size, text_at = round(_PIECE_S * REPLY_RATE_HZ) * 2, 0
    for begin in range(0, len(pcm), size):
        piece = pcm[begin : begin + size]
        text_end = round(len(REPLY) * min(1.0, (begin + size) / len(pcm)))
        yield tts_pb2.AudioChunk(
            audio=piece,
            start_sample=begin // 2,
            text_start=text_at,
            text_end=text_end,
            words=[
                tts_pb2.WordTiming(
                    text=REPLY[text_at:text_end],
                    text_start=text_at,
                    text_end=text_end,
                    start_sample=begin // 2,
                    end_sample=(begin + len(piece)) // 2,
                )
            ],
            timing_estimated=True,
            sample_rate_hz=REPLY_RATE_HZ,
        )
        text_at = text_end


class AsrStub(asr_pb2_grpc.AsrServiceServicer):
    """Does not listen to the audio, but counts its samples."""

    def __init__(self, delays: Delays, voiced: list[tuple[int, int]], program_samples: int) -> None:
        self._delays = delays
        self._voiced = voiced
        self._program_samples = program_samples

    async def Describe(self, request: Any, context: Any) -> asr_pb2.DescribeResponse:
        """An engine with free slots."""
        return asr_pb2.DescribeResponse(engine=_engine("asr"))

    async def StreamingRecognize(  # type: ignore[override]  # the generated types expect a generator; this writes
        self, request_iterator: AsyncIterator[asr_pb2.StreamingRecognizeRequest], context: Any
    ) -> None:
        """The script's events, each of which is sent when its sample has arrived."""
        heard, script = 0, self._script(0)
        at, what, span = next(script)
        async with asyncio.TaskGroup() as tasks:
            eager: asyncio.Task[None] | None = None
            async for request in request_iterator:
                if request.audio and not heard:  # the client's first sample shows where in the program it begins
                    heard = FRAME * int.from_bytes(request.audio[:2], "little")
                    script = self._script(heard)
                    at, what, span = next(script)
                heard += len(request.audio) // 2
                while heard >= at:
                    if what == "start":
                        started = asr_pb2.SpeechStarted(start_sample=span[0])
                        await context.write(asr_pb2.StreamingRecognizeResponse(speech_started=started))
                    elif what == "eager":
                        eager = tasks.create_task(self._understand(span, context))
                    else:
                        assert eager is not None
                        tasks.create_task(self._end(eager, span, context))
                    at, what, span = next(script)

    async def _understand(self, span: tuple[int, int], context: Any) -> None:
        await asyncio.sleep(self._delays.decode)
        eager = asr_pb2.EagerEndOfTurn(transcript=_transcript(span), probability=0.5)
        await context.write(asr_pb2.StreamingRecognizeResponse(eager_end_of_turn=eager))

    async def _end(self, eager: asyncio.Task[None], span: tuple[int, int], context: Any) -> None:
        await eager
        end = asr_pb2.EndOfTurn(transcript=_transcript(span), reason=asr_pb2.END_REASON_SILENCE)
        await context.write(asr_pb2.StreamingRecognizeResponse(end_of_turn=end))

    def _script(self, origin: int) -> Iterator[tuple[int, str, tuple[int, int]]]:
        """The events to send: the sample of the program at which each is due, its kind, and the span of its sentence.
        In the span, samples count from `origin`."""
        begin = 0
        while True:
            for voice_start, voice_end in self._voiced:
                if begin + voice_start < origin:
                    continue
                start, end = begin + voice_start, begin + voice_end
                span = (start - origin, end - origin)
                yield start + round(_ONSET_S * RATE_HZ), "start", span
                yield end + round(EAGER_S * RATE_HZ), "eager", span
                yield end + round(END_S * RATE_HZ), "end", span
            begin += self._program_samples


def _transcript(span: tuple[int, int]) -> asr_pb2.Transcript:
    words = HEARD.split()
    step = (span[1] - span[0]) // len(words)
    return asr_pb2.Transcript(
        text=HEARD,
        words=[
            asr_pb2.Word(text=word, start_sample=span[0] + i * step, end_sample=span[0] + (i + 1) * step, confidence=1)
            for i, word in enumerate(words)
        ],
        start_sample=span[0],
        end_sample=span[1],
        language="en",
    )


async def serve(settings: StubSettings) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    healthy = health.aio.HealthServicer()
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    llm_pb2_grpc.add_LlmServiceServicer_to_server(LlmStub(settings.delays), server)  # type: ignore[abstract]
    tts_pb2_grpc.add_TtsServiceServicer_to_server(TtsStub(settings.delays), server)  # type: ignore[abstract]
    voiced = [(int(begin), int(end)) for begin, end in json.loads(settings.voiced)]
    if voiced:
        asr = AsrStub(settings.delays, voiced, settings.program_samples)  # type: ignore[abstract]
        asr_pb2_grpc.add_AsrServiceServicer_to_server(asr, server)
    for port in {settings.llm_port, settings.tts_port, settings.asr_port} - {0}:
        server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(StubSettings()))
