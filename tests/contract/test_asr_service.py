"""What the ASR service promises to any client: start, order of messages, limits, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio
from aitalk.asr.v1 import asr_pb2 as pb
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY

from common.errors import BusyError
from common.grpc_errors import from_rpc_error
from tests.support.asr import FINISH, AsrServer, asr_server, asr_settings, audio, config, silence, spoken, stream, turns

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICE = "aitalk.asr.v1.AsrService"
LINE = "Could you tell me how to get to the train station?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[AsrServer]:
    async with asr_server(asr_settings(asr_max_streams=2)) as running:
        yield running


async def refusal(server: AsrServer, *requests: pb.StreamingRecognizeRequest) -> grpc.aio.AioRpcError:
    with pytest.raises(ExceptionGroup) as failed:
        await stream(server, list(requests))
    errors = failed.value.exceptions
    refused = next(error for error in errors if isinstance(error, grpc.aio.AioRpcError))
    await until_idle(server)
    return refused


async def until_idle(server: AsrServer) -> None:
    """Wait until no slot is in use. A client may learn of its call's end a moment before the slot is free."""
    await until_in_use(server, 0)


async def until_in_use(server: AsrServer, slots: int) -> None:
    while (await server.stub.Describe(pb.DescribeRequest())).engine.slots_in_use != slots:
        await asyncio.sleep(0.01)


# --- start --------------------------------------------------------------------------------------


async def test_calls_are_refused_until_the_model_is_warm() -> None:
    async with asr_server(asr_settings(), warm=False) as cold:
        health: Any = health_pb2_grpc.HealthStub(cold.channel)
        for name in ("", SERVICE):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not (await cold.stub.Describe(pb.DescribeRequest())).engine.ready
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await cold.stub.Recognize(pb.RecognizeRequest(audio=bytes(320), sample_rate_hz=16_000))
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        call = cold.stub.StreamingRecognize()
        assert await call.code() is grpc.StatusCode.UNAVAILABLE

        await cold.model_server.warm_up()
        for name in ("", SERVICE):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        events = await stream(cold, [config(), audio(spoken(LINE)), FINISH])
        assert turns(events)[0].transcript.text


async def test_describe(server: AsrServer) -> None:
    engine = (await server.stub.Describe(pb.DescribeRequest())).engine
    assert (engine.engine, engine.device, engine.dtype) == ("faster-whisper", "cpu", "int8_float32")
    assert "tiny.en" in engine.model
    assert engine.ready
    assert (engine.slots_in_use, engine.slots_total) == (0, 2)
    assert engine.memory_bytes > 50_000_000
    assert list(engine.languages) == ["en"]


async def test_reflection_lists_and_describes_the_service(server: AsrServer) -> None:
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    questions = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
    ]
    listed, described = [answer async for answer in reflection.ServerReflectionInfo(iter(questions))]
    assert SERVICE in {service.name for service in listed.list_services_response.service}
    assert described.file_descriptor_response.file_descriptor_proto


# --- order and form of messages -----------------------------------------------------------------


@pytest.mark.parametrize("first", [audio(bytes(320)), FINISH, pb.StreamingRecognizeRequest()])
async def test_the_first_message_must_be_the_config(server: AsrServer, first: pb.StreamingRecognizeRequest) -> None:
    error = await refusal(server, first)
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "config" in (error.details() or "")


async def test_the_config_comes_once(server: AsrServer) -> None:
    error = await refusal(server, config(), audio(bytes(320)), config())
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "config" in (error.details() or "")


@pytest.mark.parametrize(
    ("requests", "named"),
    [
        ([config(), audio(bytes(321))], "odd number of bytes"),
        ([config(), audio(bytes(1024 * 1024 + 2))], "1048578 bytes"),
        ([config(), pb.StreamingRecognizeRequest()], "empty"),
        ([config(7_999)], "sample_rate_hz is 7999"),
        ([config(48_001)], "sample_rate_hz is 48001"),
        ([config(0)], "sample_rate_hz is 0"),
        ([config(endpointing=pb.Endpointing(eager_silence_ms=500, end_silence_ms=400))], "end_silence_ms (400)"),
        ([config(endpointing=pb.Endpointing(eager_silence_ms=-1))], "negative"),
        ([config(endpointing=pb.Endpointing(max_turn_ms=2_000_000_000))], "max_turn_ms"),
        (
            [
                config(),
                pb.StreamingRecognizeRequest(endpointing=pb.Endpointing(eager_silence_ms=2, end_silence_ms=1)),
            ],
            "end_silence_ms (1)",
        ),
    ],
)
async def test_bad_input_is_named(server: AsrServer, requests: list[pb.StreamingRecognizeRequest], named: str) -> None:
    error = await refusal(server, *requests)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in (error.details() or "")


async def test_the_longest_chunk_is_taken(server: AsrServer) -> None:
    assert await stream(server, [config(), audio(bytes(1024 * 1024)), audio(b""), FINISH]) == []


async def test_a_stream_without_audio_ends_well(server: AsrServer) -> None:
    assert await stream(server, [config(), FINISH]) == []


async def test_requests_after_finish_are_not_waited_for(server: AsrServer) -> None:
    call = server.stub.StreamingRecognize()
    await call.write(config())
    await call.write(FINISH)
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("recording", "rate", "named"),
    [
        (b"", 16_000, "0.0 seconds"),
        (bytes(321), 16_000, "odd number of bytes"),
        (bytes(320), 0, "sample_rate_hz is 0"),
        (bytes(2 * 8_000 * 601), 8_000, "601.0 seconds"),
    ],
)
async def test_a_bad_recording_is_named(server: AsrServer, recording: bytes, rate: int, named: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await server.stub.Recognize(pb.RecognizeRequest(audio=recording, sample_rate_hz=rate))
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in (failed.value.details() or "")


# --- slots --------------------------------------------------------------------------------------


async def test_when_all_slots_are_taken_the_next_is_told_when_to_come_back(server: AsrServer) -> None:
    calls = [server.stub.StreamingRecognize() for _ in range(2)]
    for call in calls:
        await call.write(config())
    await until_in_use(server, 2)
    refused = server.stub.StreamingRecognize()
    assert await refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await server.stub.Recognize(pb.RecognizeRequest(audio=bytes(320), sample_rate_hz=16_000))
    error = from_rpc_error(failed.value, "ASR")
    assert isinstance(error, BusyError)
    assert error.retry_after_s == 1.0
    for call in calls:
        await call.write(FINISH)
        assert await call.code() is grpc.StatusCode.OK
    await until_idle(server)


async def test_cancel_frees_the_slot_even_in_mid_decode(server: AsrServer) -> None:
    for _ in range(4):  # twice as many as there are slots
        call = server.stub.StreamingRecognize()
        await call.write(config())
        await call.write(audio(spoken(LINE)))
        await call.write(audio(silence(0.5)))  # a final decode begins
        async for event in call:
            if event.HasField("speech_started"):
                break
        call.cancel()
        await until_idle(server)
    events = await stream(server, [config(), audio(spoken(LINE)), FINISH])
    assert turns(events)[0].transcript.text


async def test_a_stream_that_stops_without_finish_is_over(server: AsrServer) -> None:
    call = server.stub.StreamingRecognize()
    await call.write(config())
    await call.write(audio(spoken(LINE)))
    await call.done_writing()
    with pytest.raises(grpc.aio.AioRpcError, match="finish") as failed:
        [event async for event in call]
    assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    await until_idle(server)


async def test_completed_work_is_counted(server: AsrServer) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"aitalk_asr_{name}", labels) or 0.0

    def counts() -> list[float]:
        decodes, turn = value("decode_seconds_count", kind="final"), value("turns_total", reason="silence")
        return [value("audio_seconds_total"), decodes, value("real_time_factor_count"), turn]

    before, line = counts(), np.concatenate([spoken(LINE), silence(1.0)])
    await stream(server, [config(disable_partials=True), audio(line), FINISH])
    added = [after - earlier for after, earlier in zip(counts(), before, strict=True)]
    assert added == [pytest.approx(len(line) / 16_000), 1, 1, 1]


async def test_streams_do_not_hear_one_another(server: AsrServer) -> None:
    lines = (LINE, "My favorite food is rice with chicken and vegetables.")
    heard = await asyncio.gather(
        *(stream(server, [config(), audio(spoken(line)), audio(silence(1.0)), FINISH]) for line in lines)
    )
    first, second = (turns(events)[0].transcript.text.lower() for events in heard)
    assert "station" in first
    assert "station" not in second
    assert "chicken" in second
    assert "chicken" not in first
