"""An engine is tried in a child process first. If that fails, Whisper replaces it, and the service says so."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import numpy as np
import pytest
from aitalk.asr.v1 import asr_pb2 as pb
from aitalk.asr.v1 import asr_pb2_grpc

from asr_service import engines
from asr_service.engine import DecodeOptions
from asr_service.engines import build, create_engine
from asr_service.engines.fallback import FallbackEngine
from asr_service.service import create_service
from common.engine_probe import ProbeStoppedError
from common.errors import EngineError, InvalidInputError
from common.grpc_client import open_channel
from common.grpc_server import ModelServer
from tests.support.asr import asr_settings

STUBS = "tests.support.broken_engines:"
SECOND = np.zeros(16_000, np.float32)


def probed(name: str, **settings: Any) -> FallbackEngine:
    """The stub engine of that name, with a working stub as its fallback."""
    asked = asr_settings(asr_model_name="asked/for", **settings)
    instead = asr_settings(asr_model_name="instead")
    return engines.with_fallback(STUBS + name, asked, lambda: build(STUBS + "Sound", instead))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Aborting", "crashed its process (SIGABRT)"),
        ("AbortingInUse", "crashed its process (SIGABRT)"),
        ("Hungry", "Unable to allocate 64.0 GiB"),
        ("Failing", "the weights are for another model"),
    ],
)
def test_a_failure_in_the_child_is_reported(name: str, reason: str) -> None:
    engine = probed(name)
    engine.load()
    assert reason in engine.describe().fallback_reason


def test_a_process_that_hangs_is_ended() -> None:
    engine = probed("Hanging", asr_probe_timeout_s=0.5)
    engine.load()
    limit = "it did not load and decode a second of audio within 0.5 s (ASR_PROBE_TIMEOUT_S)"
    assert engine.describe().fallback_reason == f"asked/for can't be used here: {limit}"


def test_a_sound_engine_is_taken() -> None:
    engine = probed("Sound")
    engine.load()
    assert engine.transcribe(SECOND, DecodeOptions()).text == "asked/for"
    assert engine.describe().fallback_reason == ""
    assert [heard.text for heard in engine.transcribe_batch([(SECOND, DecodeOptions())] * 2)] == ["asked/for"] * 2


def test_another_takes_the_place_of_one_that_crashes_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    engine = probed("Aborting")
    engine.load()
    assert engine.transcribe(SECOND, DecodeOptions()).text == "instead"
    description = engine.describe()
    assert description.model == "instead"
    assert description.fallback_reason == "asked/for can't be used here: it crashed its process (SIGABRT)"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "FALLS BACK to instead: asked/for can't be used here" in record.getMessage()


def test_closing_ends_the_trial() -> None:
    engine = probed("Hanging")
    failed: list[str] = []

    def load() -> None:
        try:
            engine.load()
        except ProbeStoppedError as error:
            failed.append(str(error))

    loading = threading.Thread(target=load)
    loading.start()
    engine.close()
    loading.join(60)
    assert failed == ["the service was stopped while its model was tried"]


def test_kyutais_models_are_tried_first(tmp_path: Any) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "kyutai_speech_to_text"}')
    engine = create_engine(asr_settings(asr_model_name=str(tmp_path)))
    assert isinstance(engine, FallbackEngine)
    assert engine.describe().engine == "kyutai-stt"


@pytest.mark.parametrize(
    ("fallback", "says"),
    [("nobody/nothing", "no engine runs this model"), ("kyutai/stt-1b-en_fr", "only a Whisper can be the fallback")],
)
def test_a_fallback_that_is_no_whisper_is_refused_at_once(fallback: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=f"ASR_FALLBACK_MODEL_NAME={fallback}: {says}"):
        create_engine(asr_settings(asr_model_name="kyutai/stt-2.6b-en", asr_fallback_model_name=fallback))


def test_a_fallback_that_can_not_be_loaded_is_named_with_its_setting(tmp_path: Any) -> None:
    settings = asr_settings(asr_model_name=str(tmp_path / "kyutai"), asr_fallback_model_name=str(tmp_path))
    (tmp_path / "kyutai").mkdir()
    (tmp_path / "kyutai" / "config.json").write_text('{"model_type": "kyutai_speech_to_text"}')
    with pytest.raises(EngineError, match=f"ASR_FALLBACK_MODEL_NAME={tmp_path} has no CTranslate2 weights"):
        create_engine(settings).load()


async def test_without_its_packages_whisper_is_served_and_describe_says_why(tmp_path: Any) -> None:
    """A real engine is asked for. It can't run here, because torch or the engine's weights are missing."""
    (tmp_path / "config.json").write_text('{"model_type": "kyutai_speech_to_text"}')
    settings = asr_settings(asr_model_name=str(tmp_path), drain_timeout_s=1.0)
    service = create_service(create_engine(settings), settings)
    async with ModelServer(service, settings, 0) as server, open_channel(f"127.0.0.1:{server.port}") as channel:
        await server.warm_up()
        info = (await asr_pb2_grpc.AsrServiceStub(channel).Describe(pb.DescribeRequest())).engine
    assert info.ready
    assert (info.engine, info.model) == ("faster-whisper", "whisper tiny.en (bundled)")
    assert str(tmp_path) in info.fallback_reason


async def test_a_service_that_is_stopped_while_it_tries_its_model_ends() -> None:
    settings = asr_settings(drain_timeout_s=1.0)
    service = create_service(probed("Hanging"), settings)
    async with ModelServer(service, settings, 0) as server:
        warming = asyncio.create_task(server.warm_up())
        await asyncio.sleep(0.5)
        warming.cancel()
        await asyncio.wait({warming})
