"""The Realtime API as the official client sees it, on scripted model servers: every event, every trap, every error."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from common.errors import UnavailableError
from gateway.history import PartnerTurn
from gateway.ports import EndOfTurn, SpeechStarted, WritingEnd
from gateway.realtime.audio import AudioDecoder, AudioEncoder
from tests.support.conversation import at, eager, end, one_turn, transcript
from tests.support.fakes import FakeLlm, FakeTts
from tests.support.gateway import TestGateway
from tests.support.realtime import Event, RealtimeClient, realtime

TOKEN = "one-token-of-the-two"
SECOND = 24_000 * 2  # bytes of PCM
BY_HAND: dict[str, Any] = {"audio": {"input": {"turn_detection": None, "transcription": {}}}}
TRANSCRIBED: dict[str, Any] = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
REPLY = "Hello there, my friend."


def a_gateway(**parts: Any) -> TestGateway:
    """Replies come at once; their speech is short."""
    return TestGateway(llm=FakeLlm(first_s=0, word_s=0), tts=FakeTts(word_s=0.1, delay_s=0), **parts)


async def write(client: RealtimeClient, text: str, **item: Any) -> str:
    """Add the learner's words as an item; returns its id."""
    after = len(client.events)
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **item}
    await client.send("conversation.item.create", item=message)
    return str((await client.wait_for("conversation.item.done", after=after))["item"]["id"])


async def respond(client: RealtimeClient, **response: Any) -> Event:
    """Ask for a response; returns it when it is done."""
    after = len(client.events)
    await client.send("response.create", response=response)
    return dict((await client.wait_for("response.done", after=after))["response"])


async def retrieve(client: RealtimeClient, item_id: str) -> Event:
    after = len(client.events)
    await client.connection.conversation.item.retrieve(item_id=item_id)
    return dict((await client.wait_for("conversation.item.retrieved", after=after))["item"])


def turns(gateway: TestGateway) -> list[str]:
    """What is kept of the newest session."""
    return [turn.text for turn in list(gateway.store.sessions.values())[-1][2]]


async def until_kept(gateway: TestGateway, *texts: str) -> None:
    """Wait until this is kept, as a response is kept when it was heard. Fails if that takes long."""
    for _ in range(100):
        if turns(gateway)[: len(texts)] == list(texts):
            return
        await asyncio.sleep(0.05)
    assert turns(gateway)[: len(texts)] == list(texts)


# --- a turn


async def test_a_spoken_turn_gives_the_events_in_their_order() -> None:
    gateway = a_gateway()
    gateway.asr.script = one_turn()
    async with gateway.running(), realtime(gateway.http) as client:
        await client.update(**TRANSCRIBED)
        await client.say(bytes(2 * SECOND))
        done = await client.wait_for("response.done")
        kinds = list(dict.fromkeys(client.kinds()))
        item_id = client.of("input_audio_buffer.speech_started")[0]["item_id"]
        assert (await retrieve(client, item_id))["content"] == [{"type": "input_audio", "transcript": "good morning"}]
    assert kinds == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    started, stopped = (client.of(f"input_audio_buffer.speech_{what}")[0] for what in ("started", "stopped"))
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 1000)
    completed = client.of("conversation.item.input_audio_transcription.completed")[0]
    assert (completed["transcript"], completed["usage"]) == ("good morning", {"type": "duration", "seconds": 1.0})
    response = done["response"]
    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": REPLY}]
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (20, 5)
    assert response["usage"]["input_token_details"]["cached_tokens"] == 8
    assert {event["part"]["type"] for event in client.of("response.content_part.done")} == {"audio"}
    assert len(client.audio()) == 4 * int(0.1 * 24_000) * 2
    assert client.of("conversation.item.added")[1]["previous_item_id"] == item_id
    limit = client.of("rate_limits.updated")[0]["rate_limits"][0]
    assert 0 < limit["remaining"] < limit["limit"]


async def test_spoken_items_are_created_again_from_their_transcripts() -> None:
    """OpenAI's JavaScript client does so with the learner's, when an application changes what was said."""
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        for role, kind, text in (("user", "input_audio", "Good morning."), ("assistant", "output_audio", "I see.")):
            part = {"type": kind, "audio": None, "transcript": text}
            item = {"type": "message", "role": role, "id": kind, "content": [part]}
            await client.send("conversation.item.create", item=item)
            assert (await retrieve(client, kind))["content"][0]["text"] == text
        assert turns(gateway) == ["Good morning.", "I see."]


async def test_updates_merge_and_what_holds_is_reported() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        created = (await client.wait_for("session.created"))["session"]
        assert created["model"] == "gpt-realtime"
        assert created["id"].startswith("sess_")
        assert "Joe" in created["instructions"]
        vad = {"type": "server_vad", "silence_duration_ms": 90, "interrupt_response": True, "threshold": 0.9}
        first = await client.update(instructions="Be brief.", audio={"input": {"turn_detection": vad}})
        held = first["audio"]["input"]["turn_detection"]
        assert (held["silence_duration_ms"], held["threshold"], held["interrupt_response"]) == (160, 0.5, True)
        second = await client.update(
            audio={"input": {"turn_detection": {"create_response": False}}, "output": {"voice": "marin", "speed": 0.25}}
        )
        assert second["instructions"] == "Be brief."
        assert second["audio"]["input"]["turn_detection"] == held | {"create_response": False}
        assert (second["audio"]["output"]["voice"], second["audio"]["output"]["speed"]) == ("joe", 0.5)
        third = await client.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}})
        assert third["audio"]["input"]["turn_detection"]["create_response"] is True
        await write(client, "good morning")
        await respond(client)
    assert gateway.llm.asked[0][0].content == "Be brief."
    assert gateway.tts.speeds == [0.5]


async def test_text_goes_in_and_out() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await client.update(output_modalities=["text"])
        item_id = await write(client, "good morning", id="mine")
        response = await respond(client, metadata={"topic": "greeting"})
        assert item_id == "mine"
        assert turns(gateway) == ["good morning", REPLY]
    assert response["metadata"] == {"topic": "greeting"}
    assert response["output"][0]["content"] == [{"type": "output_text", "text": REPLY}]
    assert "".join(event["delta"] for event in client.of("response.output_text.delta")) == REPLY
    assert client.of("response.output_text.done")[0]["text"] == REPLY
    assert not client.audio()


async def test_items_stand_where_the_client_puts_them() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await write(client, "second", id="b")
        twice = await client.error_for("conversation.item.create", item=_message("user", "twice", id="b"))
        assert twice["code"] == "item_create_duplicate_item_id"
        await client.send("conversation.item.create", previous_item_id="root", item=_message("user", "first", id="a"))
        await client.send("conversation.item.create", previous_item_id="a", item=_message("assistant", "I see."))
        await client.send("conversation.item.create", item=_message("system", "Be polite."))
        await client.send("conversation.item.delete", item_id="b")
        await client.wait_for("conversation.item.deleted")
        await respond(client)
        assert turns(gateway)[:3] == ["first", "I see.", "(A note to you, not from your friend: Be polite.)"]
        deleted = await client.error_for("conversation.item.retrieve", item_id="b")
    assert deleted["code"] == "item_retrieve_invalid_item_id"
    assert [event["previous_item_id"] for event in client.of("conversation.item.added")][:3] == [None, None, "a"]


def _message(role: str, text: str, **more: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **more}


async def test_an_item_can_be_deleted_while_it_is_heard() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await write(client, "good morning")
        item_id = (await respond(client))["output"][0]["id"]
        await client.send("conversation.item.delete", item_id=item_id)
        await client.wait_for("conversation.item.deleted")
        await write(client, "and you?")
        await until_kept(gateway, "good morning", "and you?")
        assert not client.of("error")


# --- interruptions


async def interrupted(client: RealtimeClient, gateway: TestGateway, said: str = "wait a moment please") -> Event:
    """Have a long reply interrupted by voice; returns the response."""
    gateway.tts.word_s = 1.0
    await client.update(**TRANSCRIBED)
    await write(client, "tell me a story")
    await client.send("response.create")
    await client.wait_for("response.output_audio.delta")
    await asyncio.sleep(0.8)  # of the first word's second
    gateway.asr.script = [(at(0.2), SpeechStarted(at(0.1))), (at(0.6), eager(said)), (at(0.8), end(said))]
    gateway.llm.reply = ["I am listening."]
    await client.say(bytes(SECOND))
    return dict((await client.wait_for("response.done"))["response"])


async def test_a_voice_interrupts_and_the_client_truncates_what_it_did_not_play() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        response = await interrupted(client, gateway)
        assert (response["status"], response["status_details"]) == (
            "cancelled",
            {"type": "cancelled", "reason": "turn_detected"},
        )
        kinds = client.kinds()
        assert kinds.index("input_audio_buffer.speech_started") < kinds.index("response.done")
        item_id = response["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=600)
        truncated = await client.wait_for("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 600
        assert (await retrieve(client, item_id))["content"] == [{"type": "output_audio", "transcript": "Hello"}]
        await until_kept(gateway, "tell me a story", "Hello", "wait a moment please")
        kept = gateway.store.sessions[_session_id(client)][2]
        assert isinstance(kept[1], PartnerTurn)
        assert kept[1].interrupted


async def test_truncating_more_than_was_sent_is_clamped() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await write(client, "hello")
        item_id = (await respond(client))["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=60_000)
        assert (await client.wait_for("conversation.item.truncated"))["audio_end_ms"] == 400
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
        await client.wait_for("conversation.item.truncated", where=lambda event: event["audio_end_ms"] == 0)
        assert turns(gateway) == ["hello"]
        assert (await retrieve(client, item_id))["content"] == [{"type": "output_audio", "transcript": ""}]


async def test_a_sound_over_the_partner_gives_no_event() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        response = await interrupted(client, gateway, said="mhm")
        assert response["status"] == "completed"
        assert not client.of("input_audio_buffer.speech_started")
        assert turns(gateway)[0] == "tell me a story"


async def test_a_client_may_want_no_interruption_and_no_answer() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        vad = {"type": "server_vad", "interrupt_response": False, "create_response": False}
        await client.update(audio={"input": {"turn_detection": vad}})
        response = await interrupted(client, gateway)
        assert response["status"] == "completed"
        assert client.of("input_audio_buffer.speech_started")
        assert len(client.of("response.created")) == 1


async def test_the_client_cancels() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        gateway.tts.word_s = 1.0
        await write(client, "tell me a story")
        await client.send("response.create")
        await client.wait_for("response.output_audio.delta")
        await client.connection.response.cancel()
        response = (await client.wait_for("response.done"))["response"]
        assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert (await client.error_for("response.cancel"))["code"] == "response_cancel_not_active"


async def test_a_response_out_of_band_is_no_part_of_the_conversation() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await write(client, "good morning", id="a")
        response = await respond(
            client,
            conversation="none",
            output_modalities=["text"],
            instructions="Classify.",
            input=[{"type": "item_reference", "id": "a"}, _message("user", "Is it a greeting?")],
        )
        assert response["conversation_id"] is None
        assert turns(gateway) == ["good morning"]
        error = await client.error_for("response.create", response={"conversation": "none"})
        assert error["param"] == "response.output_modalities"
    assert [message.content for message in gateway.llm.asked[0]] == ["Classify.", "good morning Is it a greeting?"]
    assert len(client.of("conversation.item.added")) == 1


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
    monkeypatch.setattr("gateway.realtime.idle_timer.MS_PER_S", 50_000)  # five seconds last a tenth of one
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


# --- what fails


WRONG: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("conversation.purge", {}, "invalid_value", "type"),
    ("session.update", {}, "missing_required_parameter", "session"),
    ("session.update", {"session": {"type": "realtime", "modalities": []}}, "unknown_parameter", "modalities"),
    ("session.update", {"session": {"audio": {"output": {"speed": 9}}}}, "invalid_value", "audio.output.speed"),
    ("session.update", {"session": {"tools": [{"type": "mcp"}]}}, "unsupported_parameter", "tools"),
    ("session.update", {"session": {"prompt": {"id": "x"}}}, "unsupported_parameter", "prompt"),
    ("input_audio_buffer.append", {"audio": "?"}, "invalid_value", "audio"),
    ("input_audio_buffer.append", {"audio": "AAAA", "more": 1}, "unknown_parameter", "more"),
    ("output_audio_buffer.clear", {}, "unsupported_parameter", "type"),
    ("conversation.item.create", {"item": {"type": "mcp_call"}}, "unsupported_parameter", "item.type"),
    ("conversation.item.create", {"item": {"type": "message", "role": "x"}}, "invalid_value", "item.role"),
    ("conversation.item.create", {"item": _message("user", " ")}, "invalid_value", "item.content"),
    ("conversation.item.create", {"item": _message("user", "x" * 40_000)}, "invalid_value", "item.content"),
    (
        "conversation.item.create",
        {"item": _message("user", "x"), "previous_item_id": "no"},
        "item_not_found",
        "previous_item_id",
    ),
    (
        "conversation.item.create",
        {"item": {"type": "message", "role": "user", "content": [{"type": "input_image"}]}},
        "unsupported_parameter",
        "item.content[0].type",
    ),
    ("conversation.item.retrieve", {"item_id": "no"}, "item_retrieve_invalid_item_id", "item_id"),
    ("conversation.item.delete", {"item_id": "no"}, "item_delete_invalid_item_id", "item_id"),
    (
        "conversation.item.truncate",
        {"item_id": "no", "content_index": 0, "audio_end_ms": 1},
        "item_truncate_invalid_item_id",
        "item_id",
    ),
    ("conversation.item.truncate", {"item_id": "a", "content_index": 0}, "missing_required_parameter", None),
    ("response.create", {"response": {"max_output_tokens": 0}}, "invalid_value", None),
    ("response.create", {"response": {"conversation": "x"}}, "invalid_value", "response.conversation"),
    ("response.cancel", {}, "response_cancel_not_active", None),
]
"""Events of a client, and the code and the parameter of the error that each gets."""


async def test_what_is_wrong_gets_an_error_that_names_the_event() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        for kind, event, code, param in WRONG:
            error = await client.error_for(kind, **event)
            assert (error["type"], error["code"]) == ("invalid_request_error", code), event
            assert param is None or error["param"] in (param, f"session.{param}"), event
        await client.update()  # the session goes on


async def test_frames_that_are_no_events_get_an_error() -> None:
    async with a_gateway().running() as gateway, connect(f"ws://127.0.0.1:{gateway.port}/v1/realtime") as socket:
        assert "session.created" in str(await socket.recv())
        half = '{"type": "conversation.item.create", "item": {"id": "\\ud800"}}'
        for frame in ("{", "[]", b"\0\0", '{"type": 1}', "[" * 100_000, half):
            await socket.send(frame)
            assert '"type": "error"' in str(await socket.recv())


async def test_an_event_that_is_too_large_gets_an_error() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        await client.send("input_audio_buffer.append", audio="A" * (1 << 20))
        error = (await client.wait_for("error"))["error"]
        assert (error["code"], error["event_id"]) == ("frame_too_large", None)  # it is not read


async def test_a_reply_that_fails_is_a_failed_response() -> None:
    gateway = a_gateway()
    gateway.llm.reply = ["Hello ", UnavailableError("LLM: away")]
    async with gateway.running(), realtime(gateway.http) as client:
        await write(client, "hello")
        response = await respond(client)
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["message"] == "LLM: away"
        error = await client.wait_for("error")
        assert (error["error"]["type"], error["error"]["code"]) == ("server_error", "unavailable")


async def test_a_reply_that_reaches_its_length_is_incomplete() -> None:
    gateway = a_gateway()
    gateway.llm.end = WritingEnd("length")
    async with gateway.running(), realtime(gateway.http) as client:
        await write(client, "hello")
        response = await respond(client, max_output_tokens=5)
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert gateway.llm.max_tokens == [5]


async def test_there_is_one_response_at_a_time() -> None:
    async with a_gateway().running() as gateway, realtime(gateway.http) as client:
        gateway.tts.word_s = 1.0
        await write(client, "hello")
        await client.send("response.create")
        await client.wait_for("response.created")
        error = await client.error_for("response.create")
        assert error["code"] == "conversation_already_has_active_response"


# --- who comes in


async def test_a_key_or_a_token_is_needed() -> None:
    async with a_gateway().running(auth_tokens=TOKEN) as gateway:
        async with realtime(gateway.http, api_key=TOKEN) as client:
            await client.wait_for("session.created")
        for wrong in ("not-one-of-the-tokens", "ek_not-a-key"):
            with pytest.raises(InvalidStatus) as refused:
                async with realtime(gateway.http, api_key=wrong):
                    pass
            assert refused.value.response.status_code == 401
            assert b"invalid_api_key" in (refused.value.response.body or b"")


async def test_a_short_lived_key_brings_the_settings_of_its_sessions() -> None:
    gateway = a_gateway()
    async with (
        gateway.running(auth_tokens=TOKEN),
        openai.AsyncOpenAI(base_url=f"{gateway.http}/v1", api_key=TOKEN, max_retries=0) as server,
    ):
        created = await server.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "instructions": "Be brief."},
        )
        assert created.value.startswith("ek_")
        assert created.session.type == "realtime"
        with pytest.raises(openai.BadRequestError) as wrong:
            await server.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 1})
        assert wrong.value.param == "expires_after.seconds"
        async with realtime(gateway.http, api_key=created.value) as client:
            assert (await client.wait_for("session.created"))["session"]["instructions"] == "Be brief."
        offers: Any = ["realtime", f"openai-insecure-api-key.{created.value}"]
        async with connect(f"ws://127.0.0.1:{gateway.port}/v1/realtime", subprotocols=offers) as browser:
            assert browser.subprotocol == "realtime"
            assert "Be brief." in str(await browser.recv())
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {created.value}"}) as with_key:
            assert (await with_key.post(f"{gateway.http}/v1/realtime/client_secrets")).status_code == 401


async def test_a_page_of_another_origin_and_a_sip_call_are_refused() -> None:
    async with a_gateway().running() as gateway:
        url = f"ws://127.0.0.1:{gateway.port}/v1/realtime"
        for status, query, headers in ((403, "", {"Origin": "https://evil.example"}), (400, "?call_id=rtc_1", {})):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url + query, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == status


async def test_a_session_is_resumed_by_its_id_and_only_by_its_client() -> None:
    gateway = a_gateway()
    async with gateway.running(auth_tokens=f"{TOKEN},another-token-here"):
        async with realtime(gateway.http, api_key=TOKEN) as client:
            item_id = await write(client, "good morning", id="mine")
            await respond(client)
            await until_kept(gateway, "good morning", REPLY)
            session_id = _session_id(client)
        async with realtime(gateway.http, api_key="another-token-here", session_id=f"sess_{session_id}") as stranger:
            error = await stranger.wait_for("error")
            assert error["error"]["code"] == "wrong_resume_token"
            assert stranger.kinds()[0] == "session.created"
            assert _session_id(stranger) != session_id
        async with realtime(gateway.http, api_key=TOKEN, session_id=f"sess_{session_id}") as again:
            await again.wait_for("session.created")
            assert _session_id(again) == session_id
            assert (await retrieve(again, item_id))["content"][0]["text"] == "good morning"
            await write(again, "and you?")
            await respond(again)
    assert [message.content for message in gateway.llm.asked[1][-3:]] == ["good morning", REPLY, "and you?"]


async def test_a_gateway_that_ends_says_so() -> None:
    async with a_gateway().running(gateway_drain_timeout_s=5) as gateway, realtime(gateway.http) as client:
        await client.wait_for("session.created")
        gateway.draining.begin()
        assert (await client.wait_for("error"))["error"]["code"] == "reconnect"
        assert (await client.wait_closed())[0] == 1012


def _session_id(client: RealtimeClient) -> str:
    return str(client.of("session.created")[0]["session"]["id"]).removeprefix("sess_")


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
    """µ-law has two codes for zero."""
    return codes.replace(b"\x7f", b"\xff") if b"\xff" in codes else codes
