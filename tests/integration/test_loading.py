"""How model servers load, in real processes: one after the other, or on demand; and engines that crash, hang or run out
of memory."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
from aitalk.asr.v1 import asr_pb2 as pb
from aitalk.asr.v1 import asr_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.grpc_client import open_channel
from tests.support.asr import spoken
from tests.support.mesh import ROOT, RunningProcess, models_folder, running

FAILING = [sys.executable, "-m", "tests.support.failing_service"]
SERVICES = {"asr_service": "ASR", "llm_service": "LLM", "tts_service": "TTS"}


def failing(how: str, folder: Path, *before: str, **settings: str) -> subprocess.Popen[str]:
    """Start a service whose engine fails as `how` says. `before`: a command that starts the service; without one, the
    service is started directly."""
    environment = {"MODELS_CACHE_DIR": str(folder), **settings}
    return subprocess.Popen([*before, *FAILING, how], env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    """Wait for a process that can't start. Returns the last line of its log."""
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1, log
    assert "Traceback" not in log
    return log.splitlines()[-1]


async def until_logged(process: RunningProcess, pattern: str) -> re.Match[str]:
    async with asyncio.timeout(60):
        while not (match := re.search(pattern, process.log)):
            assert process.process.poll() is None, process.log
            await asyncio.sleep(0.05)
    return match


async def health(port: int) -> str:
    async with open_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


# --- what goes wrong


async def test_an_engine_that_hangs_is_not_ready_and_ends_with_a_sentence(tmp_path: Path) -> None:
    process = failing("hang", tmp_path, LOAD_TIMEOUT_S="4")
    assert process.stderr
    port = re.search(r"listens on 127\.0\.0\.1:(\d+)", process.stderr.readline())
    assert port
    assert await health(int(port[1])) == "NOT_SERVING"
    sentence = await asyncio.to_thread(said, process)
    assert sentence.startswith("ASR can't start: ")
    assert "LOAD_TIMEOUT_S (4 s)" in sentence


def test_an_engine_that_runs_out_of_memory_gives_the_advice(tmp_path: Path) -> None:
    # A shell sets the limit (3 GB, in KB): with `preexec_fn`, this process would fork while gRPC's threads run in it.
    limited = ("/bin/sh", "-c", f'ulimit -v {3 << 20}; exec "$@"', "sh")
    sentence = said(failing("memory", tmp_path, *limited))
    assert "there is not enough memory to load its model" in sentence
    assert "python -m deploy.plan" in sentence


@pytest.mark.parametrize(
    ("how", "settings", "ended", "last_words"),
    [
        ("crash", {}, "asr was killed by SIGSEGV", "its last words: "),
        ("hang", {"LOAD_TIMEOUT_S": "1"}, "asr ended with status 1", "its model has not loaded"),
    ],
)
def test_the_mesh_says_which_process_ended_it_and_why(
    how: str, settings: Mapping[str, str], ended: str, last_words: str, tmp_path: Path
) -> None:
    programs = tmp_path / "broken" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f"#!/bin/sh\nexec {' '.join(FAILING)} {how}\n")
    (programs / "python").chmod(0o755)
    environment = {
        "ASR_ENVIRONMENT": str(programs.parent),
        "VALKEY_DATA_DIR": str(tmp_path / "valkey"),
        "MODELS_CACHE_DIR": str(tmp_path / "models"),
        "ENABLE_MEMORY_EFFICIENT_LOADING": "false",
        "PORT": "0",
        **dict.fromkeys(("LLM_ADDRESS", "TTS_ADDRESS"), "127.0.0.1:1"),  # so the mesh doesn't start these two
        **settings,
    }
    with running("deploy.mesh", tmp_path / "log", environment) as mesh:
        assert mesh.process.wait(60) != 0
    verdict = mesh.log.splitlines()[-1]
    assert verdict.startswith(f"can't start: {ended}: ")
    assert last_words in verdict


# --- one after the other


def test_models_load_one_after_the_other(tmp_path: Path) -> None:
    models = models_folder(tmp_path / "models")
    settings = {"MODELS_CACHE_DIR": str(models), "ASR_PORT": "0", "LLM_PORT": "0", "TTS_PORT": "0"}
    with ExitStack() as stack:
        processes = {
            label: stack.enter_context(running(module, tmp_path / f"{label}.log", settings))
            for module, label in SERVICES.items()
        }
        deadline = time.monotonic() + 60
        while not all(f"✓ {label} model loaded" in one.log for label, one in processes.items()):
            assert time.monotonic() < deadline, [one.log for one in processes.values()]
            time.sleep(0.1)
        spans = sorted(loading_span(label, one.log) for label, one in processes.items())
    for (_, end), (begin, _) in pairwise(spans):
        assert end <= begin


def loading_span(label: str, log: str) -> tuple[str, str]:
    """When the model began to load and when it was loaded, as texts from the log, to the millisecond."""
    begin = re.search(rf"^(\S+ \S+) .* {label} loads its model$", log, re.MULTILINE)
    end = re.search(rf"^(\S+ \S+) .* ✓ {label} model loaded$", log, re.MULTILINE)
    assert begin
    assert end
    return begin[1], end[1]


async def test_one_that_hangs_holds_up_others_only_where_they_take_turns(tmp_path: Path) -> None:
    with running_failing("hang", tmp_path / "first.log", tmp_path) as first:
        await until_logged(first, "loads its model")
        with running_failing(
            "slow", tmp_path / "alone.log", tmp_path, ENABLE_MEMORY_EFFICIENT_LOADING="false"
        ) as other:
            await until_logged(other, "✓ ASR model loaded")
        with running_failing("slow", tmp_path / "waiting.log", tmp_path) as other:
            await until_logged(other, "ASR waits: another model is being loaded")
            assert "ASR loads its model" not in other.log
            first.process.kill()  # when the process ends, its lock is freed
            await until_logged(other, "✓ ASR model loaded")


def running_failing(how: str, log: Path, folder: Path, **settings: str) -> Any:
    return running(
        "tests.support.failing_service", log, {"FAILING_HOW": how, "MODELS_CACHE_DIR": str(folder), **settings}
    )


# --- on demand


async def test_on_demand_the_first_call_loads_the_model_and_waits_for_it(tmp_path: Path) -> None:
    settings = {"PRELOAD_MODELS": "false", "ASR_PORT": "0", "MODELS_CACHE_DIR": str(tmp_path)}
    with running("asr_service", tmp_path / "log", settings) as process:
        listening = await until_logged(process, r"ASR listens on .*:(\d+), and loads its model with the first call")
        port = int(listening[1])
        assert await health(port) == "SERVING"
        async with open_channel(f"127.0.0.1:{port}") as channel:
            stub = asr_pb2_grpc.AsrServiceStub(channel)
            assert not (await stub.Describe(pb.DescribeRequest())).engine.ready
            assert "ASR loads its model" not in process.log
            request = pb.RecognizeRequest(audio=spoken("The banana is yellow.").tobytes(), sample_rate_hz=16_000)
            answers = await asyncio.gather(stub.Recognize(request), stub.Recognize(request))
            assert all("banana" in answer.transcript.text for answer in answers)
            assert (await stub.Describe(pb.DescribeRequest())).engine.ready
        assert process.log.count("ASR loads its model") == 1
        assert process.stop(signal.SIGTERM) == 0


async def test_a_model_that_can_not_be_had_on_demand_fails_the_call_and_ends_the_service(tmp_path: Path) -> None:
    settings = {
        "PRELOAD_MODELS": "false",
        "ASR_PORT": "0",
        "MODELS_CACHE_DIR": str(tmp_path),
        "ASR_MODEL_NAME": "openai/whisper-small",
        "HF_HUB_OFFLINE": "1",
    }
    with running("asr_service", tmp_path / "log", settings) as process:
        port = int((await until_logged(process, r"ASR listens on .*:(\d+)"))[1])
        async with open_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await asr_pb2_grpc.AsrServiceStub(channel).Recognize(
                    pb.RecognizeRequest(audio=b"", sample_rate_hz=16_000)
                )
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert process.process.wait(30) == 1
    assert "ASR can't start: the model Systran/faster-whisper-small is not in" in process.log.splitlines()[-1]


async def test_sigterm_ends_a_service_that_nobody_has_called(tmp_path: Path) -> None:
    settings = {"PRELOAD_MODELS": "false", "TTS_PORT": "0", "MODELS_CACHE_DIR": str(tmp_path)}
    with running("tts_service", tmp_path / "log", settings) as process:
        await until_logged(process, "TTS listens on")
        assert process.stop(signal.SIGTERM) == 0
    assert "TTS loads its model" not in process.log
