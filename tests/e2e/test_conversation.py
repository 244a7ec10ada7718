"""Spoken conversations through the whole mesh: the real models, a real Valkey, real sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import jsonschema
import numpy as np
import pytest
import pytest_asyncio

from tests.support.audio import Samples, cut, ogg, recorded, resampled, wav, webm
from tests.support.learner import a_learner
from tests.support.mesh import Mesh
from tests.support.transcription import bundled_whisper, transcribe, word_error_rate
from tests.support.voices import say

LINES = [
    "Good morning. I would like to practise my English today.",
    "Yesterday I went to the market with my sister and we bought fresh vegetables.",
    "Could you please tell me something about your favourite book?",
    "The weather has been terrible this week, so I stayed at home.",
    "I have been learning this language for almost three years.",
]
BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."

SILENCE_S = 1.5


@dataclass(frozen=True)
class Utterance:
    text: str
    samples: Samples
    rate_hz: int

    @property
    def followed_by_silence(self) -> Samples:
        return np.concatenate([self.samples, np.zeros(int(SILENCE_S * self.rate_hz), np.int16)])


def utterances() -> list[Utterance]:
    return [*(Utterance(line, *say(line)) for line in LINES), Utterance(BECKETT, *recorded("beckett"))]


def as_pcm(samples: Samples, rate_hz: int) -> Iterable[bytes]:
    return cut(resampled(samples, rate_hz, 16_000).tobytes(), 640)


def as_wav(samples: Samples, rate_hz: int) -> Iterable[bytes]:
    return cut(wav(samples, rate_hz), 4096)


def as_webm(samples: Samples, rate_hz: int) -> Iterable[bytes]:
    return cut(webm(resampled(samples, rate_hz, 48_000)), 777)


def as_ogg(samples: Samples, rate_hz: int) -> Iterable[bytes]:
    return cut(ogg(resampled(samples, rate_hz, 48_000)), 1234)


FORMATS: dict[str, Callable[[Samples, int], Iterable[bytes]]] = {
    "pcm_s16le": as_pcm,
    "wav": as_wav,
    "webm": as_webm,
    "ogg": as_ogg,
}


@dataclass
class Exchange:
    """The recognised words of the learner, and the partner's text and speech."""

    understood: str
    reply: str
    reply_audio: bytes


async def exchange(mesh: Mesh, utterance: Utterance, encoding: str) -> Exchange:
    """One turn of the learner and one of the partner, in a session of their own."""
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": encoding}, level="beginner")
        await learner.send_audio(list(FORMATS[encoding](utterance.followed_by_silence, utterance.rate_hz)))
        text, audio, _ = await learner.hear_whole_reply()
        finals = [m for m in learner.of("transcript") if m["is_final"]]
        assert all(m["words"] for m in finals)
        return Exchange(" ".join(m["text"] for m in finals), text, audio)


@pytest.mark.timeout(300)
async def test_speech_in_any_format_is_understood_and_answered_aloud(mesh: Mesh) -> None:
    spoken, two_at_a_time = utterances(), asyncio.Semaphore(2)

    async def talk(utterance: Utterance, encoding: str) -> Exchange:
        async with two_at_a_time:
            return await exchange(mesh, utterance, encoding)

    results = await asyncio.gather(*map(talk, spoken, itertools.cycle(FORMATS)))
    said, understood = [one.text for one in spoken], [result.understood for result in results]
    directly = [transcribe(one.samples, one.rate_hz, bundled_whisper()) for one in spoken]
    written = [result.reply for result in results]
    heard = [transcribe(np.frombuffer(result.reply_audio, np.int16), 24_000) for result in results]
    ours, reference = word_error_rate(said, understood), word_error_rate(said, directly)
    assert ours <= reference + 0.02, (said, understood, directly)
    # One reply may be about a made-up name ("The Nightingale", by Jane Yowell), which nobody could spell.
    pairs = list(zip(written, heard, strict=True))
    assert sorted(word_error_rate([one], [other]) for one, other in pairs)[-2] <= 0.15, pairs


async def test_every_format_gives_the_same_words(mesh: Mesh) -> None:
    utterance = Utterance(LINES[1], *say(LINES[1]))
    for encoding in FORMATS:
        async with a_learner(mesh.ws) as learner:
            await learner.send(type="start", audio={"encoding": encoding if encoding == "pcm_s16le" else "auto"})
            await learner.send_audio(list(FORMATS[encoding](utterance.followed_by_silence, utterance.rate_hz)))
            final = await learner.wait_for("transcript", where=lambda m: m["is_final"])
            assert word_error_rate([utterance.text], [final["text"]]) <= 0.1, encoding
            words = final["words"]
            assert [w["start_ms"] for w in words] == sorted(w["start_ms"] for w in words)
            assert all(0 <= w["start_ms"] <= w["end_ms"] for w in words)


async def test_partials_come_while_the_learner_speaks_and_the_stages_are_told(mesh: Mesh) -> None:
    utterance = Utterance(LINES[1], *say(LINES[1]))
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"})
        await learner.send_audio(list(as_pcm(utterance.followed_by_silence, utterance.rate_hz)), pause_s=0.02)
        _, _, over = await learner.hear_reply()
        kinds = learner.kinds()
        order = [kinds.index(kind) for kind in ("speech_started", "transcript", "speech_stopped", "ai_text", "audio")]
        assert order == sorted(order)
        assert [m for m in learner.of("transcript") if not m["is_final"]]
        stages = over["latency_ms"]
        assert {"eager", "end_of_turn", "first_token", "first_audio_sent", "first_audio_played"} <= set(stages)
        assert stages["eager"] <= stages["end_of_turn"] <= stages["first_audio_sent"]
        captions = [word for m in learner.of("captions") for word in m["words"]]
        assert " ".join(word["text"] for word in captions).split() == learner.text_of(over["turn_id"]).split()
        starts = [word["start_ms"] for word in captions]
        assert starts == sorted(starts)


async def test_an_interruption_silences_the_partner_and_frees_its_models(mesh: Mesh) -> None:
    async with a_learner(mesh.ws) as learner, httpx.AsyncClient(base_url=mesh.http) as http:
        await learner.send(type="start", level="advanced")
        await learner.send(type="text", text="Please tell me a long story about a dragon and a village.")
        begun = await learner.wait_for("ai_audio_start")
        await learner.wait_for("audio")
        await learner.send(type="playback", turn_id=begun["turn_id"], played_ms=700)
        await learner.send(type="interrupt")
        over = await learner.wait_for("interrupted")
        async with asyncio.timeout(2):
            while any(s["slots_in_use"] for s in (await http.get("/gpu")).json()["services"].values()):
                await asyncio.sleep(0.1)
        after = learner.messages[learner.messages.index(over) + 1 :]
        assert not [m for m in after if m["type"] in ("audio", "ai_text", "captions")]
        said = learner.text_of(over["turn_id"])
        assert said.startswith(over["heard_text"])
        assert 0 < len(over["heard_text"]) < len(said)


async def test_speaking_over_the_partner_interrupts_it(mesh: Mesh) -> None:
    samples, rate_hz = say("Stop, please. I have a question.")
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="advanced")
        await learner.send(type="text", text="Please tell me a long story about a dragon and a village.")
        await learner.listen()
        spoken = Utterance("", samples, rate_hz).followed_by_silence
        await learner.send_audio(list(as_pcm(spoken, rate_hz)), pause_s=0.02)
        over = await learner.wait_for("interrupted")
        text, audio, _ = await learner.hear_reply(after=learner.messages.index(over))
        assert text
        assert audio


@dataclass
class Ended:
    """A conversation that has ended: a spoken turn, then a typed one."""

    spoken: Utterance
    replies: tuple[str, str]
    analysis: dict[str, Any]
    closed: tuple[int, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ended(mesh: Mesh) -> Ended:
    """One ended conversation for several tests, because the bundled model takes 10 s or more to write an analysis."""
    spoken = Utterance(LINES[1], *say(LINES[1]))
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="beginner")
        await learner.send_audio(list(as_pcm(spoken.followed_by_silence, spoken.rate_hz)))
        first, _, _ = await learner.hear_whole_reply()
        before = len(learner.messages)
        await learner.send(type="text", text="My favourite vegetable is rhubarb.")
        second, _, _ = await learner.hear_reply(after=before)
        await learner.send(type="end_conversation")
        analysis = await learner.wait_for("analysis", timeout_s=90)
        return Ended(spoken, (first, second), analysis["data"], await learner.wait_closed())


@pytest.mark.timeout(240)
async def test_the_conversation_ends_with_an_analysis_of_the_published_shape(mesh: Mesh, ended: Ended) -> None:
    assert ended.closed == (1000, "the conversation has ended")
    async with httpx.AsyncClient(base_url=mesh.http) as http:
        jsonschema.validate(ended.analysis, (await http.get("/schemas/analysis.json")).json())
    fluency = ended.analysis["fluency"]
    assert fluency["words"] == len(LINES[1].split())
    seconds = len(ended.spoken.samples) / ended.spoken.rate_hz
    assert fluency["speaking_time_s"] == pytest.approx(seconds, abs=0.5)
    for part in ("summary", "next_steps"):
        assert ended.analysis[part] or part in ended.analysis["unavailable"]


def test_no_log_contains_the_words_of_a_conversation(mesh: Mesh, ended: Ended) -> None:
    log = mesh.process.log
    assert "rhubarb" not in log
    assert "fresh vegetables" not in log
    for text in ended.replies:
        assert len(text) > 10
        assert text[:40] not in log
        assert json.dumps(text)[1:40] not in log


async def test_the_devices_models_and_voices_are_told(mesh: Mesh) -> None:
    async with httpx.AsyncClient(base_url=mesh.http) as http:
        voices = (await http.get("/voices")).json()
        assert (await http.get("/ready")).json()["fallbacks"] == {}
        services = (await http.get("/gpu")).json()["services"]
    assert set(services) == {"asr", "llm", "tts"}
    for service in services.values():
        assert service["ready"]
        assert service["device"] == "cpu"
        assert service["engine"]
        assert service["memory_bytes"] > 50_000_000
        assert service["slots_total"] > 0
        assert service["fallback_reason"] == ""
    joe = {"id": "en_US-joe-medium", "name": "en_US-joe-medium", "language": "en-US", "sample_rate": 22050}
    assert voices == {"voices": [joe], "default": "en_US-joe-medium", "languages": ["en-US"]}


async def test_a_language_that_no_model_here_knows_is_refused_at_the_start(mesh: Mesh) -> None:
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, language="es")
        error = await learner.wait_for("error", timeout_s=10)
    assert (error["code"], error["retryable"]) == ("invalid_input", False)
    assert error["message"] == "there is no voice for Spanish ('es') here; the languages here are en-US"


async def test_four_learners_at_once_are_all_answered(mesh: Mesh) -> None:
    spoken = [Utterance(line, *say(line)) for line in LINES[:4]]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(exchange(mesh, one, encoding)) for one, encoding in zip(spoken, FORMATS, strict=True)
        ]
    results = [task.result() for task in running]
    assert word_error_rate(LINES[:4], [result.understood for result in results]) <= 0.1
    assert all(result.reply_audio for result in results)
