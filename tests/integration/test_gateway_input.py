"""Bad input over a real WebSocket gets an error that names the problem, and the session goes on. Also: learners who
vanish, other origins, and the routes over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.http_api import readiness
from gateway.ports import SpeechStarted
from gateway.scenarios.library import BUNDLED
from tests.support.conversation import eager, end
from tests.support.gateway import FakeServices, TestGateway
from tests.support.learner import Learner, a_learner

PCM_START = {"type": "start", "audio": {"encoding": "pcm_s16le", "sample_rate": 16000}}
RATE_HZ = 16_000


@pytest.fixture
async def gateway() -> AsyncIterator[TestGateway]:
    async with TestGateway().running() as running:
        yield running


async def still_talks(learner: Learner) -> None:
    """Check that the session answers a typed turn."""
    await learner.send(type="text", text="are you still there?")
    text, audio, over = await learner.hear_reply(after=len(learner.messages))
    assert text == "Hello there, my friend."
    assert audio
    assert over["type"] == "turn_complete"


@pytest.mark.parametrize(
    ("frame", "code", "names"),
    [
        ("this is no JSON", "invalid_json", "JSON"),
        ('{"type":', "invalid_json", "JSON"),
        ("[]", "unknown_type", "type"),
        ("42", "unknown_type", "type"),
        ("{}", "unknown_type", "type"),
        ('{"type":"sing"}', "unknown_type", "set_level"),
        ('{"type":"set_level"}', "invalid_message", "level"),
        ('{"type":"set_level","level":"expert"}', "invalid_message", "advanced"),
        ('{"type":"text","text":""}', "invalid_message", "text"),
        ('{"type":"text","text":7}', "invalid_message", "text"),
        ('{"type":"playback","turn_id":"x","played_ms":-1}', "invalid_message", "played_ms"),
        ('{"type":"start","audio":{"encoding":"mp3"}}', "invalid_message", "encoding"),
        ('{"type":"start","audio":{"encoding":"pcm_s16le","sample_rate":4}}', "invalid_message", "sample_rate"),
        ('{"type":"start","language":"english!"}', "invalid_input", "language"),
        (json.dumps({"type": "start", "voice": "x" * 257}), "invalid_message", "voice"),
        ('{"type":"start","session_id":"nope","resume_token":"nope"}', "session_unknown", "session"),
        (b"", "empty_audio", "0 bytes"),
        (b"\x01\x02\x03\x04" * 300, "unsupported_audio", "pcm_s16le"),
        (bytes(1024 * 1024 + 2), "frame_too_large", "1048576"),
        (json.dumps({"type": "text", "text": "x" * 1024 * 1024}), "frame_too_large", "1048576"),
    ],
)
async def test_a_bad_frame_is_named_and_the_session_goes_on(
    gateway: TestGateway, frame: str | bytes, code: str, names: str
) -> None:
    async with a_learner(gateway.ws) as learner:
        await learner.socket.send(frame)
        error = await learner.wait_for("error")
        assert error["code"] == code
        assert names in error["message"]
        await still_talks(learner)


async def test_fields_of_a_newer_protocol_have_no_effect_and_are_counted_and_named_in_the_log(
    gateway: TestGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway.connection.frame_reader")
    gateway.asr.script = [(RATE_HZ // 2, SpeechStarted(0))]
    counted = ("aitalk_gateway_unknown_fields_total", {"type": "start"})
    before = REGISTRY.get_sample_value(*counted) or 0
    async with a_learner(gateway.ws) as learner:
        audio = {"encoding": "pcm_s16le", "sample_rate": 16000, "chanels": "one, said in private"}
        await learner.send(type="start", audio=audio, mood={"said": "in private"})
        await learner.socket.send(bytes(RATE_HZ))
        await learner.wait_for("speech_started")  # the known fields had their effect
        assert not [message for message in learner.messages if message["type"] == "error"]
    assert REGISTRY.get_sample_value(*counted) == before + 1
    assert "'mood', 'audio.chanels'" in caplog.text
    assert "private" not in caplog.text


async def test_raw_pcm_of_odd_length_is_refused_and_the_rest_taken(gateway: TestGateway) -> None:
    gateway.asr.script = [(RATE_HZ // 2, SpeechStarted(0))]
    async with a_learner(gateway.ws) as learner:
        await learner.send(**PCM_START)
        await learner.socket.send(bytes(1001))
        assert (await learner.wait_for("error"))["code"] == "odd_length_audio"
        await learner.send_audio([bytes(3200)] * 5)
        await learner.wait_for("speech_started")


async def test_start_after_audio_is_refused(gateway: TestGateway) -> None:
    async with a_learner(gateway.ws) as learner:
        await learner.send(**PCM_START)
        await learner.socket.send(bytes(3200))
        await learner.send(**PCM_START)
        assert (await learner.wait_for("error"))["code"] == "announced_too_late"
        await still_talks(learner)


async def test_a_frame_far_over_the_limit_closes_the_socket_with_1009(gateway: TestGateway) -> None:
    async with connect(gateway.ws, compression=None) as socket:
        with contextlib.suppress(ConnectionClosed):
            await socket.send(bytes((1 << 24) + 1))
            async for _ in socket:
                pass
        assert socket.close_code in {1009, 1006}  # 1006: the socket was closed while the rest was still being sent
    async with a_learner(gateway.ws) as learner:
        await still_talks(learner)


async def test_a_microphone_that_runs_on_after_the_end_is_no_error(gateway: TestGateway) -> None:
    async with a_learner(gateway.ws) as learner:
        await learner.send(**PCM_START)
        await learner.send(type="end_conversation")
        await learner.send_audio([bytes(640)] * 10)
        await learner.wait_for("analysis")
        assert not learner.of("error")


async def test_ping_is_answered_with_pong(gateway: TestGateway) -> None:
    async with a_learner(gateway.ws) as learner:
        await learner.send(type="ping")
        await learner.wait_for("pong")


@pytest.mark.parametrize("moment", ["connected", "speaking", "held", "replying", "analysing"])
async def test_a_learner_may_vanish_at_any_moment(
    gateway: TestGateway, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.asr.script = [(1600, SpeechStarted(0)), (16_000, eager("hello")), (32_000, end("hello"))]
    async with connect(gateway.ws, compression=None) as socket:
        learner = Learner(socket)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(learner.read())
            await learner.wait_for("connected")
            await _reach(moment, learner, gateway)
            assert moment == "connected" or gateway.open_streams or moment == "analysing"
            socket.transport.abort()
    async with asyncio.timeout(1):  # every RPC of the session ends within a second
        while gateway.open_streams:
            await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    async with a_learner(gateway.ws) as another:
        await still_talks(another)


async def _reach(moment: str, learner: Learner, gateway: TestGateway) -> None:
    match moment:
        case "speaking":
            await learner.send(**PCM_START)
            await learner.send_audio([bytes(3200)] * 3)
            await learner.wait_for("speech_started")
        case "held":
            await learner.send(**PCM_START)
            await learner.send_audio([bytes(3200)] * 12)
            await learner.wait_for("speech_stopped")
        case "replying":
            await learner.send(type="text", text="hi")
            await learner.wait_for("audio")
        case "analysing":
            await learner.send(type="end_conversation")
            await asyncio.sleep(0.05)
        case _:
            return


async def test_a_page_of_another_origin_is_refused(gateway: TestGateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(gateway.ws, additional_headers={"Origin": "https://evil.example"})
    assert refused.value.response.status_code == 403
    for origin in ("http://localhost:3000", gateway.http):
        async with a_learner(gateway.ws, Origin=origin):
            pass


async def test_cors_names_the_origins_that_may(gateway: TestGateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.http) as client:
        listed = await client.get("/health", headers={"Origin": "http://localhost:3000"})
        other = await client.get("/health", headers={"Origin": "https://evil.example"})
    assert listed.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "access-control-allow-origin" not in other.headers


async def test_http_says_how_things_are(gateway: TestGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_S", 0.0)
    async with httpx.AsyncClient(base_url=gateway.http) as client:
        health = (await client.get("/health")).json()
        assert (health["status"], health["service"]) == ("healthy", "ai-talk-backend")
        ready = await client.get("/ready")
        assert ready.status_code == 200
        assert ready.json()["status"] == "ready"
        assert ready.json()["services"] == {"asr": True, "llm": True, "tts": True}
        assert ready.json()["fallbacks"] == ready.json()["problems"] == {}
        gateway.store.away = True
        unsaved = await client.get("/ready")
        assert (unsaved.status_code, unsaved.json()["redis"]) == (503, False)
        assert "redis" in unsaved.json()["problems"]
        gateway.store.away = False
        voices = (await client.get("/voices")).json()
        assert (voices["default"], [voice["id"] for voice in voices["voices"]]) == ("joe", ["joe"])
        gateway.services.is_ready = False
        not_ready = await client.get("/ready")
        assert not_ready.json()["fallbacks"] == {"tts": "piper (joe): kyutai is not installed"}
        assert (await client.get("/voices")).status_code == 503
        assert (not_ready.status_code, not_ready.json()["status"]) == (503, "not_ready")
        assert not_ready.json()["services"] == {"asr": False, "llm": False, "tts": False}
        assert not_ready.json()["problems"]["llm"] == "loads its model"
        assert (await client.get("/gpu")).json()["services"]["asr"]["engine"] == "fake"
        assert "aitalk_gateway_sessions" in (await client.get("/metrics")).text
        assert (await client.get("/schemas/analysis.json")).json()["title"] == "Analysis"
        assert "<title>" in (await client.get("/")).text
        assert (await client.get("/docs")).status_code == 404


async def test_how_common_words_are(gateway: TestGateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.http) as client:
        found = (await client.get("/words", params={"text": "A breathtaking sea"})).json()
        assert [(word["word"], word["band"], word["cefr"]) for word in found["words"]] == [
            ("a", "most_common", "A1"), ("breathtaking", "less_common", "C1"), ("sea", "most_common", "A2"),
        ]  # fmt: skip
        assert found["unknown_because"] is None
        assert (await client.get("/words", params={"text": ""})).status_code == 422
        assert (await client.get("/words", params={"text": "a" * 401})).status_code == 422
        assert (await client.get("/words", params={"text": "a", "language": "../en"})).status_code == 422


async def test_docs_are_there_when_debugging() -> None:
    async with (
        TestGateway(services=FakeServices(is_ready=False)).running(debug=True) as gateway,
        httpx.AsyncClient(base_url=gateway.http) as client,
    ):
        assert (await client.get("/docs")).status_code == 200
        assert "/ready" in (await client.get("/openapi.json")).json()["paths"]


async def test_scenarios_are_listed_for_a_level(tmp_path: Path) -> None:
    own = (BUNDLED / "cafe.yaml").read_text(encoding="utf-8").replace("title: At the café", "title: Our own café")
    (tmp_path / "cafe.yaml").write_text(own, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("title: x", encoding="utf-8")
    async with (
        TestGateway().running(scenarios_dir=tmp_path) as gateway,
        httpx.AsyncClient(base_url=gateway.http) as http,
    ):
        everything = (await http.get("/scenarios")).json()["scenarios"]
        assert len(everything) >= 24
        assert "Our own café" in [card["title"] for card in everything]
        for level in ("advanced", "C1"):
            hard = (await http.get("/scenarios", params={"level": level})).json()["scenarios"]
            assert 5 <= len(hard) < len(everything)
            assert all("advanced" in card["suits"] and "facts" not in card for card in hard)
        refused = await http.get("/scenarios", params={"level": "C3"})
        assert refused.status_code == 422
        assert "'beginner', 'intermediate' or 'advanced'" in refused.text


async def test_the_partner_opens_a_scenario_over_the_wire(gateway: TestGateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        card = (await http.get("/scenarios", params={"level": "beginner"})).json()["scenarios"][0]
    async with a_learner(gateway.ws) as learner:
        await learner.send(type="start", scenario=card["id"], partner_begins=True)
        text, audio, over = await learner.hear_reply()
        assert (text, over["type"]) == (card["opening"], "turn_complete")
        assert audio
        await still_talks(learner)


async def test_a_scenario_that_there_is_not_and_too_long_instructions_are_errors(gateway: TestGateway) -> None:
    async with a_learner(gateway.ws) as learner:
        await learner.send(type="start", instructions="x" * 4001)
        error = await learner.wait_for("error")
        assert error["code"] == "invalid_message"
        assert "instructions" in error["message"]
        await learner.send(type="start", scenario="moon")
        error = await learner.wait_for("error", after=learner.messages.index(error) + 1)
        assert error["code"] == "invalid_input"
        assert "GET /scenarios" in error["message"]
        await still_talks(learner)
