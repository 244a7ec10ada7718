"""`python bench/load/pipecat_server.py '{"port": …}'`: Pipecat over WebSocket with stubs like those of the mesh.

It runs in an environment of its own (deploy/locks/load-pipecat.txt), so it imports nothing of AI-Talk. One process
runs a pipeline for each connection, as in Pipecat's examples: transport, recogniser, the user's aggregator with Silero
VAD (and Smart Turn, or a time-out), language model, voice, transport, the assistant's aggregator. Audio is raw PCM in
both directions.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

IN_HZ, OUT_HZ = 16_000, 24_000


class RawPcm(FrameSerializer):
    """Sends and receives PCM as binary messages."""

    async def serialize(self, frame: Frame) -> bytes | None:
        """The PCM of an audio frame; None for any other frame."""
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """The audio frame for PCM; None for text."""
        return InputAudioRawFrame(data, IN_HZ, 1) if isinstance(data, bytes) else None


class StubStt(SegmentedSTTService):
    """Hears a fixed text after a fixed time."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(sample_rate=IN_HZ, ttfs_p99_latency=options["decode"])
        self._options = options

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """The transcript, after the delay."""
        await asyncio.sleep(self._options["decode"])
        yield TranscriptionFrame(self._options["heard"], "learner", time_now_iso8601())


class StubLlm(FrameProcessor):
    """Answers with fixed tokens at a fixed pace."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self._options = options

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context frame; pass on any other frame."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await asyncio.sleep(self._options["first_token"])
        for token in self._options["tokens"]:
            await self.push_frame(LLMTextFrame(token))
            await asyncio.sleep(self._options["token"])
        await self.push_frame(LLMFullResponseEndFrame())


class StubTts(TTSService):
    """Speaks each sentence for its share of the reply's time. The first one begins with the mark that clients look
    for."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(sample_rate=OUT_HZ, push_start_frame=True, push_stop_frames=True)
        self._options = options
        self._first = options["tokens"][0].strip()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """The speech of a sentence, after the delay."""
        await asyncio.sleep(self._options["speech"])
        share = len(text) / sum(map(len, self._options["tokens"]))
        samples = round(share * self._options["reply_s"] * OUT_HZ)
        mark = bytes.fromhex(self._options["mark"]) if text.strip().startswith(self._first) else b""
        pcm = mark + bytes(2 * samples - len(mark))
        size = OUT_HZ * 2 * 2 // 5
        for begin in range(0, len(pcm), size):
            yield TTSAudioRawFrame(pcm[begin : begin + size], OUT_HZ, 1, context_id=context_id)


async def converse(socket: WebSocket, options: dict[str, Any]) -> None:
    """Run one pipeline until its client disconnects."""
    transport = FastAPIWebsocketTransport(
        websocket=socket,
        params=FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=RawPcm()),
    )
    stop: Any = (
        TurnAnalyzerUserTurnStopStrategy(turn_analyzer=LocalSmartTurnAnalyzerV3())
        if options["smart_turn"]
        else SpeechTimeoutUserTurnStopStrategy()
    )
    aggregators = LLMContextAggregatorPair(
        LLMContext(messages=[{"role": "system", "content": "You are a friendly partner."}]),
        user_params=LLMUserAggregatorParams(
            user_turn_strategies=UserTurnStrategies(stop=[stop]), vad_analyzer=SileroVADAnalyzer()
        ),
    )
    pipeline = Pipeline(
        [
            transport.input(),
            StubStt(options),
            aggregators.user(),
            StubLlm(options),
            StubTts(options),
            transport.output(),
            aggregators.assistant(),
        ]
    )
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=IN_HZ, audio_out_sample_rate=OUT_HZ))

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport: Any, _client: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def main() -> None:
    """Serve on the port that the arguments give."""
    options = json.loads(sys.argv[1])
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.websocket("/ws")
    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        await converse(websocket, options)

    uvicorn.run(app, host="127.0.0.1", port=options["port"], log_level="warning")


if __name__ == "__main__":
    main()
