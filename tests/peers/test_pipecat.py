"""Pipecat's OpenAI services, in a pipeline of Pipecat's own."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    ProposedUserStartedSpeakingFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService, OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

from tests.peers.lines import (
    FRAME_S,
    LINES,
    LISTENS_S,
    NAME,
    RATE_HZ,
    TOO_LONG,
    gateway,
    pcm,
    session_that_was_left,
    understood,
    until,
)

F = TypeVar("F", bound=Frame)
FRAME = int(RATE_HZ * FRAME_S) * 2
REALTIME = gateway().replace("http", "ws") + "/v1/realtime"


class Ear(FrameProcessor):
    """Collects the frames that pass through it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)

    def of(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


WEATHER = FunctionSchema(
    name="weather", description="The weather in a city", properties={"city": {"type": "string"}}, required=["city"]
)


@dataclass
class Running:
    """A pipeline with one service. up, down: the ears before and after it. Frames that the service sends towards the
    source pass `up`, its other ones pass `down`."""

    worker: PipelineWorker
    up: Ear
    down: Ear

    async def say(self, speech: bytes, *, silence_s: float = 1.5) -> None:
        """Speak in real time, then be silent."""
        speech += bytes(int(silence_s * RATE_HZ) * 2)
        for at in range(0, len(speech), FRAME):
            piece = speech[at : at + FRAME]
            await self.worker.queue_frame(InputAudioRawFrame(audio=piece, sample_rate=RATE_HZ, num_channels=1))
            await asyncio.sleep(FRAME_S)

    def heard(self) -> str:
        return " ".join(frame.text for ear in (self.up, self.down) for frame in ear.of(TranscriptionFrame))

    def state(self) -> str:
        """The state of the pipeline, for the message of a failing test."""
        return f"{self.heard()!r}, errors {self.errors()}"

    def errors(self) -> list[str]:
        return [frame.error for frame in self.up.of(ErrorFrame)]


@asynccontextmanager
async def running(service: FrameProcessor, *, after: FrameProcessor | None = None) -> AsyncIterator[Running]:
    up, down, started = Ear(), Ear(), asyncio.Event()
    chain = [up, service, down, *([after] if after else [])]
    params = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    worker = PipelineWorker(Pipeline(chain), cancel_on_idle_timeout=False, params=params)
    worker.add_event_handler("on_pipeline_started", lambda *_: started.set())
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(20):
            await started.wait()
        yield Running(worker, up, down)
        await worker.queue_frame(EndFrame())
        async with asyncio.timeout(20):
            await run
    finally:
        run.cancel()
        await asyncio.wait((run,))


def a_realtime_service(url: str = REALTIME, **properties: Any) -> OpenAIRealtimeLLMService:
    transcription = events.InputAudioTranscription(model="gpt-4o-transcribe", language="en")
    audio = events.AudioConfiguration(input=events.AudioInput(transcription=transcription))
    session = events.SessionProperties(audio=audio, **properties)
    settings = OpenAIRealtimeLLMService.Settings(session_properties=session)
    return OpenAIRealtimeLLMService(api_key="any", base_url=url, settings=settings)


async def write(pipeline: Running, text: str) -> None:
    """Add the learner's words, and have the partner answer them."""
    await pipeline.worker.queue_frame(LLMContextFrame(LLMContext([{"role": "user", "content": text}])))


async def test_a_spoken_turn() -> None:
    async with running(a_realtime_service()) as pipeline:
        await pipeline.say(pcm("market"))
        await until(lambda: understood("market", pipeline.heard()), "the transcript")
        await until(lambda: pipeline.down.of(TTSStoppedFrame), "the end of the reply")
        assert "".join(frame.text for frame in pipeline.down.of(LLMTextFrame)).strip()
        assert sum(len(frame.audio) for frame in pipeline.down.of(TTSAudioRawFrame)) > RATE_HZ // 4
        assert pipeline.errors() == []


async def test_an_interruption_truncates_what_was_not_heard() -> None:
    service = a_realtime_service()
    ids: list[str] = []
    service.add_event_handler("on_conversation_item_created", lambda _, item_id, item: ids.append(item_id))
    async with running(service) as pipeline:
        await pipeline.say(pcm("market"))
        await until(lambda: pipeline.down.of(TTSAudioRawFrame), "the reply's sound")
        said = ids[-1]
        await pipeline.say(b"", silence_s=LISTENS_S)
        before = len(pipeline.down.of(ProposedUserStartedSpeakingFrame))
        await pipeline.say(pcm("book"))
        await until(lambda: len(pipeline.down.of(ProposedUserStartedSpeakingFrame)) > before, "the interruption")
        await until(lambda: understood("book", pipeline.heard()), "the second transcript", found=pipeline.state)
        left = await asyncio.wait_for(service.retrieve_conversation_item(said), 10)
        text = left.content[0].transcript
        whole = "".join(frame.text for frame in pipeline.down.of(LLMTextFrame))
        assert whole.startswith(text)
        assert len(text) < len(whole)
        assert pipeline.errors() == []


async def test_a_missing_item_is_not_a_fatal_error() -> None:
    service = a_realtime_service()
    async with running(service) as pipeline:
        with pytest.raises(Exception, match="item_nowhere"):
            await asyncio.wait_for(service.retrieve_conversation_item("item_nowhere"), 10)
        await pipeline.say(pcm("market"))
        await until(lambda: understood("market", pipeline.heard()), "the transcript after the error")


async def test_a_reply_that_fails_is_reported_and_the_session_goes_on() -> None:
    """After an `error` event, Pipecat stops listening, so a failed response must not send one."""
    async with running(a_realtime_service()) as pipeline:
        await write(pipeline, TOO_LONG)
        await until(lambda: pipeline.errors(), "the error")
        assert "too long" in pipeline.errors()[0]
        await pipeline.say(pcm("market"))
        await until(lambda: understood("market", pipeline.heard()), "the transcript after the error")
        await until(lambda: pipeline.down.of(TTSAudioRawFrame), "the reply's sound")
        assert len(pipeline.errors()) == 1


async def test_a_resumed_session() -> None:
    session_id, item_id = await session_that_was_left()
    url = f"{REALTIME}?session_id={session_id}&"  # Pipecat adds `?model=…`
    service = a_realtime_service(url, output_modalities=["text"])
    async with running(service) as pipeline:
        item = await asyncio.wait_for(service.retrieve_conversation_item(item_id), 10)
        assert item.content[0].text == NAME
        await write(pipeline, "What is my name?")
        await until(lambda: pipeline.down.of(LLMFullResponseEndFrame), "the end of the reply")
        assert "".join(frame.text for frame in pipeline.down.of(LLMTextFrame)).strip()
        assert pipeline.errors() == []


async def test_an_update_that_is_refused_says_why() -> None:
    session = events.SessionProperties(prompt={"id": "pmpt_123"})
    settings = OpenAIRealtimeLLMService.Settings(session_properties=session)
    async with running(OpenAIRealtimeLLMService(api_key="any", base_url=REALTIME, settings=settings)) as pipeline:
        await until(lambda: pipeline.errors(), "the error")
        assert "instructions" in pipeline.errors()[0]


async def test_a_text_conversation() -> None:
    async with running(a_realtime_service(output_modalities=["text"])) as pipeline:
        await write(pipeline, "Good morning!")
        await until(lambda: pipeline.down.of(LLMFullResponseEndFrame), "the end of the reply")
        assert "".join(frame.text for frame in pipeline.down.of(LLMTextFrame)).strip()
        assert pipeline.errors() == []


@pytest.mark.parametrize("turn_detection", [None, {"type": "server_vad"}])
async def test_a_transcription_session(turn_detection: dict[str, str] | None) -> None:
    service = OpenAIRealtimeSTTService(api_key="any", base_url=REALTIME, turn_detection=turn_detection)
    async with running(service) as pipeline:
        await pipeline.say(pcm("market"))
        await until(lambda: understood("market", pipeline.heard()), "the transcript")
        assert pipeline.errors() == []


async def test_a_tool_call_in_a_realtime_conversation() -> None:
    asked: list[Any] = []
    service = a_realtime_service(output_modalities=["text"], tools=[WEATHER], tool_choice="required")

    async def weather(call: FunctionCallParams) -> None:
        asked.append(call.arguments)
        await call.result_callback({"weather": "It is sunny."})

    service.register_function("weather", weather)
    items: list[str] = []
    service.add_event_handler("on_conversation_item_created", lambda _, item_id, item: items.append(item.type))
    async with running(service) as pipeline:
        await write(pipeline, "How is the weather in Paris?")
        await until(lambda: "function_call_output" in items, "the result in the conversation")
        assert [set(one) for one in asked] == [{"city"}]
        assert pipeline.errors() == []


async def test_a_tool_call_of_the_language_model() -> None:
    asked: list[Any] = []
    question = "How is the weather in Paris?"
    context = LLMContext([{"role": "user", "content": question}], tools=[WEATHER], tool_choice="required")
    service = OpenAILLMService(api_key="any", base_url=f"{gateway()}/v1")

    async def weather(call: FunctionCallParams) -> None:
        asked.append(call.arguments)
        context.set_tool_choice("none")
        await call.result_callback({"weather": "It is sunny."})

    service.register_function("weather", weather)
    aggregators = LLMContextAggregatorPair(context)
    async with running(service, after=aggregators.assistant()) as pipeline:
        await pipeline.worker.queue_frame(LLMContextFrame(context))
        await until(lambda: pipeline.down.of(LLMTextFrame), "the reply after the result")
        await until(lambda: len(pipeline.down.of(LLMFullResponseEndFrame)) > 1, "its end")
        assert [set(one) for one in asked] == [{"city"}]
        assert pipeline.errors() == []


async def test_recognition_understands_synthesis() -> None:
    text = LINES["market"]
    speech = OpenAITTSService(api_key="any", base_url=f"{gateway()}/v1")
    async with running(speech) as pipeline:
        await pipeline.worker.queue_frame(TTSSpeakFrame(text))
        await until(lambda: pipeline.down.of(TTSStoppedFrame), "the end of the speech")
        sound = b"".join(frame.audio for frame in pipeline.down.of(TTSAudioRawFrame))
        assert pipeline.errors() == []
    recognition = OpenAISTTService(api_key="any", base_url=f"{gateway()}/v1")
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        wav.writeframes(sound)
    frames = [frame async for frame in recognition.run_stt(file.getvalue())]
    assert understood("market", " ".join(frame.text for frame in frames if isinstance(frame, TranscriptionFrame)))
