"""A gateway that drains hands its learners over. A call that one replica of a model server refuses goes to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc

from common.errors import BusyError, InvalidInputError
from common.grpc_client import open_channel
from gateway.clients.asr import GrpcAsr
from gateway.clients.calls import RETRIES
from gateway.clients.llm import GrpcLlm
from gateway.clients.recovering_asr import RecoveringAsr
from gateway.clients.recovering_tts import RecoveringTts
from gateway.clients.tts import GrpcTts
from gateway.history import LearnerTurn
from gateway.ports import AsrStream, ChatMessage, EndOfTurn, Patience, SpeechStarted, TtsStream, WritingRequest
from tests.support.conversation import conversation_in, eager, end, transcript
from tests.support.gateway import TestGateway
from tests.support.learner import Learner, a_learner, at_the_door

RATE_HZ = 16_000
PCM_START = {"type": "start", "audio": {"encoding": "pcm_s16le", "sample_rate": RATE_HZ}}


# --- the gateway


async def handed_over(learner: Learner) -> None:
    assert (await learner.wait_for("reconnect"))["delay_ms"] < 1000
    assert (await learner.wait_closed())[0] == 1012


async def resumes(learner: Learner, before: Learner) -> int:
    """Resume the session of `before`. Returns the number of its turns."""
    connected = before.of("connected")[0]
    kept = {name: connected[name] for name in ("session_id", "resume_token")}
    await learner.send(**PCM_START, **kept)
    return int((await learner.wait_for("resumed"))["turns"])


async def test_a_silent_learner_is_handed_over_at_once() -> None:
    async with TestGateway().running() as gateway, a_learner(gateway.ws) as learner, httpx.AsyncClient() as http:
        gateway.draining.begin()
        await handed_over(learner)
        answer = await http.get(f"{gateway.http}/ready")
        assert (answer.status_code, answer.json()["draining"]) == (503, True)
        async with asyncio.timeout(5):
            await gateway.draining.done.wait()


async def test_a_new_learner_is_sent_on_while_the_gateway_drains() -> None:
    async with TestGateway().running() as gateway, a_learner(gateway.ws) as stays:
        await stays.send(type="text", text="a reply holds the gateway")
        await stays.wait_for("ai_audio_start")
        gateway.draining.begin()
        async with at_the_door(gateway.ws) as late:
            await handed_over(late)
            assert late.kinds() == ["reconnect"]
        await stays.hear_reply()
        await handed_over(stays)


async def test_a_reply_is_heard_to_its_end_first() -> None:
    old, new = TestGateway(), TestGateway()
    new.store = old.store
    async with old.running(), new.running(), a_learner(old.ws) as learner:
        await learner.send(type="text", text="hello")
        await learner.wait_for("ai_audio_start")
        old.draining.begin()
        text, _, over = await learner.hear_reply()
        assert (text, over["type"]) == ("Hello there, my friend.", "turn_complete")
        await handed_over(learner)
        assert learner.kinds().index("turn_complete") < learner.kinds().index("reconnect")
        async with a_learner(new.ws) as back:
            assert await resumes(back, learner) == 2
            await back.send(type="text", text="and again")
            await back.hear_reply()
            assert [message.content for message in conversation_in(new.llm.asked[-1])] == ["hello", text, "and again"]


async def test_a_turn_that_is_being_spoken_is_answered_first() -> None:
    gateway = TestGateway()
    gateway.asr.script = [(1600, SpeechStarted(0)), (16_000, eager("I like tea")), (24_000, end("I like tea"))]
    async with gateway.running(), a_learner(gateway.ws) as learner:
        await learner.send(**PCM_START)
        await learner.send_audio([bytes(3200)] * 5)
        await learner.wait_for("speech_started")
        gateway.draining.begin()
        await learner.send_audio([bytes(3200)] * 11)
        await learner.hear_reply()
        await handed_over(learner)


async def test_words_before_the_time_limit_are_kept() -> None:
    old, new = TestGateway(), TestGateway()
    new.store = old.store
    heard = transcript("Well I think")
    old.asr.script = [(1600, SpeechStarted(0)), (10**9, EndOfTurn(heard))]  # the turn ends only when the audio ends
    async with old.running(gateway_drain_timeout_s=0.3), new.running(), a_learner(old.ws) as learner:
        await learner.send(**PCM_START)
        await learner.send_audio([bytes(3200)] * 5)
        await learner.wait_for("speech_started")
        old.draining.begin()
        await learner.wait_for("reconnect")
        await learner.wait_for("transcript", where=lambda message: message["text"] == "Well I think")
        await handed_over(learner)
        assert not learner.of("error")
        async with a_learner(new.ws) as back:
            assert await resumes(back, learner) == 1
            await back.send(type="text", text="that it is late")
            await back.hear_reply()
            assert new.llm.asked[-1][-1].content == "Well I think that it is late"
        session = old.store.sessions[learner.of("connected")[0]["session_id"]]
        assert isinstance(session[2][0], LearnerTurn)


# --- the model servers


class _Refusing(  # type: ignore[misc]  # each base class has its own Describe, which is not called
    asr_pb2_grpc.AsrServiceServicer, llm_pb2_grpc.LlmServiceServicer, tts_pb2_grpc.TtsServiceServicer
):
    """Replicas behind one address that refuse a given number of calls before they accept one."""

    def __init__(self, refusals: int, code: grpc.StatusCode) -> None:
        self.left = refusals
        self.code = code
        self.calls = 0

    async def check(self, context: Any) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            await context.abort(self.code, "not here")

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        await self.check(context)
        samples = 0
        async for request in requests:
            samples += len(request.audio) // 2
            if request.HasField("finish"):
                yield asr_pb2.StreamingRecognizeResponse(
                    end_of_turn=asr_pb2.EndOfTurn(transcript=asr_pb2.Transcript(text="yes", end_sample=samples))
                )
                return

    async def StreamingGenerate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.check(context)
        yield llm_pb2.StreamingGenerateResponse(delta="yes")

    async def Generate(self, request: Any, context: Any) -> Any:
        await self.check(context)
        return llm_pb2.GenerateResponse(text="yes")

    async def StreamingSynthesize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        await self.check(context)
        text = ""
        async for request in requests:
            text += request.text
            if request.HasField("finish"):
                chunk = tts_pb2.AudioChunk(audio=text.encode(), sample_rate_hz=RATE_HZ)
                yield tts_pb2.StreamingSynthesizeResponse(chunk=chunk)
                return


def refusing(refusals: int, code: grpc.StatusCode) -> _Refusing:
    return _Refusing(refusals, code)  # type: ignore[abstract]


@asynccontextmanager
async def replicas(behind: _Refusing) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    for add in (
        asr_pb2_grpc.add_AsrServiceServicer_to_server,
        llm_pb2_grpc.add_LlmServiceServicer_to_server,
        tts_pb2_grpc.add_TtsServiceServicer_to_server,
    ):
        add(behind, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


CODES = [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE]
ASKED = [ChatMessage("user", "?")]


@pytest.mark.parametrize("code", CODES)
async def test_recognition_that_is_refused_goes_elsewhere_with_all_that_was_said(code: grpc.StatusCode) -> None:
    async def speak(stream: AsrStream) -> None:
        for _ in range(20):
            await stream.send(bytes(640))
            await asyncio.sleep(0.01)
        await stream.finish()

    async with (
        replicas(refusing(2, code)) as channel,
        RecoveringAsr(GrpcAsr(channel)).open(sample_rate_hz=RATE_HZ, language="en", patience=Patience()) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(speak(stream))
        events = [event async for event in stream]
    assert [event.transcript.end_sample for event in events if isinstance(event, EndOfTurn)] == [20 * 320]


@pytest.mark.parametrize("code", CODES)
async def test_synthesis_that_is_refused_goes_elsewhere_with_all_of_the_text(code: grpc.StatusCode) -> None:
    async def write(stream: TtsStream) -> None:
        for word in words():
            await stream.send_text(word)
            await asyncio.sleep(0.01)
        await stream.finish()

    async with (
        replicas(refusing(2, code)) as channel,
        RecoveringTts(GrpcTts(channel)).open(sample_rate_hz=RATE_HZ, voice="", speed=1, language="en") as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(write(stream))
        chunks = [chunk async for chunk in stream]
    assert b"".join(chunk.pcm for chunk in chunks).decode() == "".join(words())


def words() -> Iterator[str]:
    return (f"word {i} " for i in range(20))


@pytest.mark.parametrize("code", CODES)
async def test_a_reply_that_is_refused_is_written_elsewhere(code: grpc.StatusCode) -> None:
    async with replicas(refusing(2, code)) as channel, GrpcLlm(channel).stream(WritingRequest(ASKED)) as deltas:
        assert [delta async for delta in deltas] == ["yes"]
    async with replicas(refusing(2, code)) as channel:
        assert await GrpcLlm(channel).generate(ASKED) == "yes"


async def test_where_all_refuse_the_error_comes_soon() -> None:
    behind = refusing(1000, grpc.StatusCode.RESOURCE_EXHAUSTED)
    async with replicas(behind) as channel:
        async with GrpcLlm(channel).stream(WritingRequest(ASKED)) as deltas:
            with pytest.raises(BusyError):
                await anext(deltas)
        assert behind.calls == 1 + RETRIES
        async with RecoveringTts(GrpcTts(channel)).open(
            sample_rate_hz=RATE_HZ, voice="", speed=1, language="en"
        ) as speech:
            with pytest.raises(BusyError):
                await anext(aiter(speech))
        assert behind.calls == 2 * (1 + RETRIES)


async def test_only_refusals_are_repeated() -> None:
    behind = refusing(1, grpc.StatusCode.INVALID_ARGUMENT)
    async with replicas(behind) as channel, GrpcLlm(channel).stream(WritingRequest(ASKED)) as deltas:
        with pytest.raises(InvalidInputError):
            await anext(deltas)
    assert behind.calls == 1
