"""Turns that the client ends, transcription, idle time-outs and telephone audio over the Realtime API."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from common.errors import UnavailableError
from gateway.ports import EndOfTurn, SpeechStarted
from gateway.realtime.audio import AudioDecoder, AudioEncoder
from tests.support.conversation import at, end, one_turn, transcript
from tests.support.realtime import realtime
from tests.support.realtime_steps import (
    BY_HAND,
    REPLY,
    SECOND,
    a_gateway,
    respond,
    turns,
    until_kept,
    write,
)

# --- turns that the client ends


async def test_the_client_commits_the_turn_and_asks_for_the_response() -> None:
    gateway = a_gateway()
    gateway.asr.script = [(at(0.2), SpeechStarted(at(0.1))), (at(9), EndOfTurn(transcript("good morning")))]
    async with gateway.running(), realtime(gateway.http) as client:
        await client.update(include=["item.input_audio_transcription.logprobs"], **BY_HAND)
        assert (await client.error_for("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
        await client.say(bytes(SECOND))
        await client.send("input_audio_buffer.commit")
        completed = await client.wait_for("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "good morning"
        assert [one["token"] for one in completed["logprobs"]] == ["good", "morning"]
        assert all(-0.2 < one["logprob"] < 0 for one in completed["logprobs"])
        assert not client.of("response.created")
        assert (await respond(client))["status"] == "completed"
        await until_kept(gateway, "good morning", REPLY)
        await client.say(bytes(SECOND))
        await client.send("input_audio_buffer.clear")
        await client.wait_for("input_audio_buffer.cleared")
        assert (await client.error_for("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    assert not client.of("input_audio_buffer.speech_started")


async def test_a_commit_whose_recognition_fails_says_so() -> None:
    gateway = a_gateway()
    gateway.asr.script = [(at(0.2), UnavailableError("ASR: away"))]
    async with gateway.running(), realtime(gateway.http) as client:
        await client.update(**BY_HAND)
        await client.say(bytes(SECOND))
        await client.send("input_audio_buffer.commit")
        failed = await client.wait_for("conversation.item.input_audio_transcription.failed")
        assert (failed["error"]["code"], failed["error"]["message"]) == ("unavailable", "ASR: away")


async def test_a_commit_ends_a_detected_turn_at_once() -> None:
    gateway = a_gateway()
    gateway.asr.script = [(at(0.2), SpeechStarted(at(0.1))), (at(99), end("good morning"))]
    async with gateway.running(), realtime(gateway.http) as client:
        await client.say(bytes(SECOND))
        await client.wait_for("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.commit")
        assert (await client.wait_for("response.done"))["response"]["status"] == "completed"


async def test_a_transcription_session_has_no_responses() -> None:
    gateway = a_gateway()
    gateway.asr.script = one_turn()
    async with gateway.running(), realtime(gateway.http, model=None, intent="transcription") as client:
        created = (await client.wait_for("session.created"))["session"]
        assert (created["type"], created["object"]) == ("transcription", "realtime.transcription_session")
        await client.say(bytes(2 * SECOND))
        completed = await client.wait_for("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "good morning"
        deltas = client.of("conversation.item.input_audio_transcription.delta")
        assert [delta["delta"] for delta in deltas] == ["good", " morning"]
        assert client.events.index(deltas[0]) < client.kinds().index("input_audio_buffer.committed")
        assert "transcription session" in (await client.error_for("response.create"))["message"]
        await client.send("session.update", session={"type": "realtime", "tracing": "auto"})
        updated = await client.wait_for("session.updated")
        assert updated["session"]["type"] == "transcription"
        assert turns(gateway) == ["good morning"]
    assert not gateway.llm.asked
    assert not client.of("response.created")


async def test_the_partner_goes_on_after_a_long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.realtime.idle_timer.MS_PER_S", 50_000)  # so five seconds pass in a tenth of a second
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await client.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
        await write(client, "hello")
        await respond(client)
        await client.say(bytes(SECOND))
        timeout = await client.wait_for("input_audio_buffer.timeout_triggered")
        committed = await client.wait_for("input_audio_buffer.committed")
        assert timeout["item_id"] == committed["item_id"]
        await client.wait_for("response.created", after=client.events.index(committed))


# --- formats


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
async def test_telephone_audio_goes_in_and_out(name: Any) -> None:
    gateway = a_gateway()
    gateway.asr.script = one_turn()
    async with gateway.running(), realtime(gateway.http) as client:
        audio_format = {"format": {"type": name}}
        held = await client.update(audio={"input": audio_format, "output": audio_format})
        assert held["audio"]["output"]["format"] == {"type": name}
        await client.say(AudioEncoder(name, 24_000).push(bytes(2 * SECOND)), chunk_bytes=1600)
        await client.wait_for("response.done")
        assert len(AudioDecoder(name, 24_000).push(client.audio())) == pytest.approx(4 * 0.1 * SECOND, rel=0.02)
        assert client.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"] == 1000


def test_telephone_codes_are_those_of_the_standard() -> None:
    for name, silence, loudest in (("audio/pcmu", 0xFF, 32_124), ("audio/pcma", 0xD5, 32_256)):
        decoder = AudioDecoder(name, 8_000)  # type: ignore[arg-type]
        every = decoder.push(bytes(range(256)))
        assert AudioEncoder(name, 8_000).push(every) in (bytes(range(256)), _with_one_zero(bytes(range(256))))  # type: ignore[arg-type]
        samples = [int.from_bytes(every[at : at + 2], "little", signed=True) for at in range(0, 512, 2)]
        assert (max(samples), min(samples)) == (loudest, -loudest)
        assert abs(samples[silence]) <= 8
        assert base64.b64encode(AudioEncoder(name, 8_000).push(bytes(2)))  # type: ignore[arg-type]


def _with_one_zero(codes: bytes) -> bytes:
    """The codes with 0xFF in place of 0x7F. µ-law has these two codes for zero, and the encoder gives only 0xFF."""
    return codes.replace(b"\x7f", b"\xff") if b"\xff" in codes else codes
