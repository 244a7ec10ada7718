"""Turns, items, interruptions and responses of the Realtime API, seen by the official client on scripted servers."""

from __future__ import annotations

import asyncio

from gateway.history import PartnerTurn
from gateway.ports import SpeechStarted
from tests.support.conversation import at, eager, end, one_turn
from tests.support.gateway import TestGateway
from tests.support.realtime import Event, RealtimeClient, realtime
from tests.support.realtime_steps import (
    REPLY,
    SECOND,
    TRANSCRIBED,
    a_gateway,
    message_item,
    respond,
    retrieve,
    session_id_of,
    turns,
    until_kept,
    write,
)

# --- a turn


async def test_a_spoken_turn_gives_the_events_in_their_order() -> None:
    gateway = a_gateway()
    gateway.asr.script = one_turn()
    # The client sends 21 events at once. That is allowed, because a burst may be ten times the limit for a second.
    async with gateway.running(client_messages_per_s=3), realtime(gateway.http) as client:
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
    """OpenAI's JavaScript client does so with the learner's items if an application changes the history."""
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
        twice = await client.error_for("conversation.item.create", item=message_item("user", "twice", id="b"))
        assert twice["code"] == "item_create_duplicate_item_id"
        await client.send(
            "conversation.item.create", previous_item_id="root", item=message_item("user", "first", id="a")
        )
        await client.send("conversation.item.create", previous_item_id="a", item=message_item("assistant", "I see."))
        await client.send("conversation.item.create", item=message_item("system", "Be polite."))
        await client.send("conversation.item.delete", item_id="b")
        await client.wait_for("conversation.item.deleted")
        await respond(client)
        assert turns(gateway)[:3] == ["first", "I see.", "(A note to you, not from your friend: Be polite.)"]
        deleted = await client.error_for("conversation.item.retrieve", item_id="b")
    assert deleted["code"] == "item_retrieve_invalid_item_id"
    assert [event["previous_item_id"] for event in client.of("conversation.item.added")][:3] == [None, None, "a"]


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
    """Say `said` during a long reply, which may interrupt the reply. Returns the reply as a response."""
    gateway.tts.word_s = 1.0
    await client.update(**TRANSCRIBED)
    await write(client, "tell me a story")
    await client.send("response.create")
    await client.wait_for("response.output_audio.delta")
    await asyncio.sleep(0.8)  # within the first word, which takes a second
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
        kept = gateway.store.sessions[session_id_of(client)][2]
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
            input=[{"type": "item_reference", "id": "a"}, message_item("user", "Is it a greeting?")],
        )
        assert response["conversation_id"] is None
        assert turns(gateway) == ["good morning"]
        error = await client.error_for("response.create", response={"conversation": "none"})
        assert error["param"] == "response.output_modalities"
    assert [message.content for message in gateway.llm.asked[0]] == ["Classify.", "good morning Is it a greeting?"]
    assert len(client.of("conversation.item.added")) == 1
