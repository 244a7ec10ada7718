"""The mesh, in real processes, when parts of it are not up yet, end in the middle of a turn, or are restarted."""

from __future__ import annotations

import asyncio
import re
import signal
import wave
from pathlib import Path

import httpx
import psutil

from bench.story_server import story_server
from deploy.ports import free_ports
from gateway.http_api.readiness import FRESH_S
from tests.e2e.test_conversation import Utterance, as_pcm
from tests.support.learner import a_learner
from tests.support.mesh import SHORT_REPLIES, Mesh, running, running_mesh, wait_until_ready
from tests.support.voices import say


async def test_a_conversation_survives_the_death_of_its_gateway(mesh: Mesh, tmp_path: Path) -> None:
    one, other = free_ports(2)
    spoken = Utterance("", *say("Hello. My name is Barbara, and I live in Paris."))
    settings = {"AUDIO_DEBUG": "true", "TMPDIR": str(tmp_path)}
    with running("gateway", tmp_path / "one.log", mesh.neighbour(one, **settings)) as gateway:
        wait_until_ready(f"http://127.0.0.1:{one}", gateway)
        async with a_learner(f"ws://127.0.0.1:{one}/ws/conversation") as learner:
            connected = learner.of("connected")[0]
            await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="beginner")
            await learner.send_audio(list(as_pcm(spoken.followed_by_silence, spoken.rate_hz)))
            await learner.hear_reply()
            heard = next(one["text"] for one in learner.of("transcript") if one["is_final"])
            gateway.stop(signal.SIGKILL)
            await learner.wait_closed()
        assert "[AUDIO DIAG]" in gateway.log
        assert "verdict=" in gateway.log
    session_id, token = connected["session_id"], connected["resume_token"]
    with wave.open(str(tmp_path / "audio_debug" / f"{session_id}.wav")) as kept:
        assert kept.getnframes() / kept.getframerate() > len(spoken.samples) / spoken.rate_hz - 1
    with running("gateway", tmp_path / "other.log", mesh.neighbour(other)) as gateway:
        wait_until_ready(f"http://127.0.0.1:{other}", gateway)
        async with a_learner(f"ws://127.0.0.1:{other}/ws/conversation") as learner:
            await learner.send(type="start", session_id=session_id, resume_token="wrong")
            assert (await learner.wait_for("error"))["code"] == "wrong_resume_token"
        async with a_learner(f"ws://127.0.0.1:{other}/ws/conversation") as learner:
            await learner.send(type="start", session_id=session_id, resume_token=token)
            resumed = await learner.wait_for("resumed")
            assert (resumed["session_id"], resumed["turns"], resumed["level"]) == (session_id, 2, "beginner")
            await learner.send(type="text", text="What is my name?")
            await learner.hear_reply()
            await learner.send(type="end_conversation")
            analysis = (await learner.wait_for("analysis"))["data"]
            assert analysis["conversation"]["learner_turns"] == 2
            assert "Barbara" in heard
            assert analysis["timeline"][0]["words"] == len(heard.split())  # the learner's words were kept


async def test_a_model_server_may_come_late_and_go_in_mid_turn(mesh: Mesh, tmp_path: Path) -> None:
    port, llm_port, tts_port = free_ports(3)
    settings = mesh.neighbour(port, LLM_ADDRESS=f"127.0.0.1:{llm_port}", TTS_ADDRESS=f"127.0.0.1:{tts_port}")
    tts_settings = {"TTS_PORT": str(tts_port)}
    url = f"http://127.0.0.1:{port}"
    ask = {"type": "text", "text": "Please tell me a long story about a dragon and a village."}
    with (
        story_server() as story,  # because the bundled model's story would end too soon
        running("llm_service", tmp_path / "llm.log", {"LLM_PORT": str(llm_port), **story}),
        running("gateway", tmp_path / "gateway.log", settings) as gateway,
    ):
        with running("tts_service", tmp_path / "tts.log", tts_settings) as tts:
            wait_until_ready(url, gateway)
            async with a_learner(f"ws://127.0.0.1:{port}/ws/conversation") as learner:
                await learner.send(type="start", level="advanced")
                await learner.send(**ask)
                await learner.wait_for("audio")
                tts.stop(signal.SIGKILL)
                assert (await learner.wait_for("error"))["code"] == "unavailable"
                await learner.wait_for("interrupted")
                await asyncio.sleep(FRESH_S)
                answer = await asyncio.to_thread(httpx.get, f"{url}/ready")
                assert (answer.status_code, answer.json()["services"]["tts"]) == (503, False)
                devices = await asyncio.to_thread(httpx.get, f"{url}/gpu")
                assert "error" in devices.json()["services"]["tts"]
                before = len(learner.messages)
                await learner.send(**ask)  # tts_service does not run at all now
                error = await learner.wait_for("error", after=before)
                assert (error["code"], error["retryable"]) == ("unavailable", True)
                with running("tts_service", tmp_path / "tts.log", tts_settings):
                    wait_until_ready(url, gateway)
                    before = len(learner.messages)
                    await learner.send(type="text", text="Hello?")
                    _, audio, over = await learner.hear_reply(after=before)
                    assert audio
                    assert over["type"] == "turn_complete"
        assert "Traceback" not in gateway.log


async def test_make_run_says_what_is_true_ends_with_ctrl_c_and_keeps_conversations(mesh: Mesh, tmp_path: Path) -> None:
    with running_mesh(tmp_path, **SHORT_REPLIES) as own:
        async with asyncio.timeout(10):
            while "AI-Talk Backend Ready!" not in (log := own.process.log):
                await asyncio.sleep(0.1)
        said = [f"✓ {name} model loaded" for name in ("ASR", "LLM", "TTS")]
        assert all(line in log for line in said)
        everything, ready = log.index("✓ All models loaded successfully!"), log.index("AI-Talk Backend Ready!")
        assert max(log.index(line) for line in said) < everything < ready
        assert f"http://127.0.0.1:{own.port}" in log[ready:]
        processes = psutil.Process(own.process.process.pid).children(recursive=True)
        names = " ".join(" ".join(process.cmdline()) for process in processes)
        for part in ("valkey-server", "asr_service", "llm_service", "tts_service", "gateway"):
            assert part in names
        assert not re.search("can't be reached|does not answer", log)  # no false alarm
        (synthesis,) = (process for process in processes if "tts_service" in process.cmdline())
        async with a_learner(own.ws) as learner:
            connected = learner.of("connected")[0]
            synthesis.kill()
            while "tts was killed by SIGKILL; it is started again" not in own.process.log:
                await asyncio.sleep(0.1)
            await asyncio.sleep(FRESH_S)
            wait_until_ready(own.http, own.process)
            await learner.send(type="text", text="Hello!")
            await learner.hear_reply()
            assert own.process.stop(signal.SIGINT) == 0  # otherwise make would show an error
        assert not [process for process in processes if process.is_running()]
    neighbour = mesh.neighbour(0)
    models = {name: neighbour[name] for name in ("ASR_ADDRESS", "LLM_ADDRESS", "TTS_ADDRESS")}
    with running_mesh(tmp_path, **models) as own:  # with a Valkey of its own, and the models of the mesh `mesh`
        async with a_learner(own.ws) as learner:
            await learner.send(type="start", session_id=connected["session_id"], resume_token=connected["resume_token"])
            assert (await learner.wait_for("resumed"))["turns"] == 2
