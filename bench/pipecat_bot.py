"""`python bench/pipecat_bot.py CONFIG.json`: a Pipecat voice agent on our models, for `make bench`.

It runs in .venv-bench, which has Pipecat but none of our packages. The pipeline is the one that Pipecat's own project
template makes (`pipecat/cli/templates/server`), with its defaults. Only two things differ: the models, which are ours,
and the time limit of recognition, which has to be set for a model that Pipecat has not measured. The path of the URL
chooses one of Pipecat's two ways to end the learner's turn:

    /smart-turn   its default: Silero VAD, then Smart Turn v3.2 at each pause
    /time-out     Silero VAD, then 0.6 s of silence

A client sends 16 kHz 16-bit mono PCM as binary frames, and may send the text "interrupt". It gets binary frames of 24
kHz PCM, and as JSON: `ready`, `turn` (the learner's turn is over), `interrupted`, `silent` (the reply was spoken).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    InterruptionWorkerFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.piper.tts import PiperTTSService
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

STRATEGIES = {
    "smart-turn": UserTurnStrategies,  # Pipecat's default
    "time-out": lambda: UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy()]),
}


@dataclass(frozen=True)
class Config:
    """Written by bench/pipecat_server.py."""

    port: int
    whisper: str  # folder of CTranslate2 weights
    voices: str  # folder of Piper voices
    voice: str
    llm_url: str
    llm_model: str
    system_prompt: str
    max_tokens: int
    # longest wait for a transcript after the voice has ended; a transcript that comes earlier ends the wait
    ttfs_p99_s: float
    temperature: float


class RawPcm(FrameSerializer):
    """Sends audio as raw PCM, and interruptions as JSON. Receives raw PCM and "interrupt"."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Audio as bytes, an interruption as JSON; None for any other frame."""
        match frame:
            case OutputAudioRawFrame():
                return bytes(frame.audio)
            case InterruptionFrame():
                return json.dumps({"type": "interrupted"})
            case _:
                return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """PCM as an audio frame, "interrupt" as an interruption; None for other text."""
        if isinstance(data, bytes):
            return InputAudioRawFrame(audio=data, sample_rate=16_000, num_channels=1)
        return InterruptionWorkerFrame() if data == "interrupt" else None


async def converse(websocket: WebSocket, config: Config, setting: str) -> None:
    """One conversation, from the handshake to the end of the connection."""
    transport = FastAPIWebsocketTransport(
        websocket, FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=RawPcm())
    )
    stt = WhisperSTTService(
        device="cpu",
        compute_type="int8",
        ttfs_p99_latency=config.ttfs_p99_s,
        settings=WhisperSTTService.Settings(model=config.whisper),
    )
    llm = OpenAILLMService(
        base_url=config.llm_url,
        api_key="none",
        settings=OpenAILLMService.Settings(
            model=config.llm_model,
            system_instruction=config.system_prompt,
            max_tokens=config.max_tokens,
            temperature=config.temperature,
        ),
    )
    tts = PiperTTSService(download_dir=Path(config.voices), settings=PiperTTSService.Settings(voice=config.voice))
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=STRATEGIES[setting]()
        ),
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), stt, user, llm, tts, transport.output(), assistant]), params=PipelineParams()
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    async def tell(kind: str) -> None:
        await websocket.send_text(json.dumps({"type": kind}))

    @user.event_handler("on_user_turn_stopped")  # type: ignore[untyped-decorator]
    async def on_turn(*_: object) -> None:
        await tell("turn")

    @worker.event_handler("on_pipeline_started")  # type: ignore[untyped-decorator]
    async def on_started(*_: object) -> None:
        await tell("ready")

    @worker.event_handler("on_frame_reached_upstream")  # type: ignore[untyped-decorator]
    async def on_upstream(_: object, frame: Frame) -> None:
        await tell("silent")

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
    async def on_disconnected(*_: object) -> None:
        await runner.cancel()

    worker.set_reached_upstream_filter((BotStoppedSpeakingFrame,))
    await runner.run()


def main() -> None:
    """Serve with the settings in CONFIG.json."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    config = Config(**json.loads(Path(sys.argv[1]).read_text()))
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    @app.websocket("/{setting}")
    async def conversation(websocket: WebSocket, setting: str) -> None:
        await websocket.accept()
        await converse(websocket, config, setting)

    uvicorn.run(app, host="127.0.0.1", port=config.port, log_level="warning")


if __name__ == "__main__":
    main()
