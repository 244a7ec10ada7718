"""LiveKit's OpenAI plugin, without a LiveKit room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, llm, stt
from livekit.plugins import openai
from openai.types.realtime import AudioTranscription

from tests.peers.lines import (
    FRAME_S,
    LINES,
    LISTENS_S,
    NAME,
    RATE_HZ,
    TIMEOUT_S,
    TOO_LONG,
    gateway,
    pcm,
    session_that_was_left,
    understood,
    until,
)

BASE = f"{gateway()}/v1"
ONCE = APIConnectOptions(max_retry=0, timeout=30.0)
TRANSCRIPTION = AudioTranscription(model="gpt-4o-transcribe", language="en")


def frames(speech: bytes, silence_s: float = 1.5) -> list[rtc.AudioFrame]:
    """Frames, with silence after the speech."""
    size = int(RATE_HZ * FRAME_S) * 2
    speech += bytes(int(silence_s * RATE_HZ) * 2)
    pieces = [speech[at : at + size] for at in range(0, len(speech) - size + 1, size)]
    return [rtc.AudioFrame(piece, RATE_HZ, 1, size // 2) for piece in pieces]


class Talk:
    """A Realtime session and the events that it received."""

    def __init__(self, session: llm.RealtimeSession) -> None:
        self.session = session
        self.replies: list[Reply] = []
        self.heard = ""
        self.errors: list[Any] = []
        self.started = 0
        self.events: list[dict[str, Any]] = []
        self.reconnections = 0
        self._reading: set[asyncio.Task[None]] = set()
        session.on("generation_created", self._generation)
        session.on("input_audio_transcription_completed", self._transcript)
        session.on("input_speech_started", self._speech)
        session.on("error", self.errors.append)
        session.on("openai_server_event_received", self.events.append)
        session.on("session_reconnected", self._reconnected)

    async def say(self, name: str) -> None:
        await self.send(frames(pcm(name)))

    async def send(self, sound: list[rtc.AudioFrame]) -> None:
        for frame in sound:
            self.session.push_audio(frame)
            await asyncio.sleep(FRAME_S)

    def _transcript(self, event: llm.InputTranscriptionCompleted) -> None:
        self.heard += f" {event.transcript}"

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    async def write(self, text: str) -> None:
        """Add the learner's words."""
        context = self.session.chat_ctx.copy()
        context.add_message(role="user", content=text)
        await self.session.update_chat_ctx(context)

    def _reconnected(self, event: object) -> None:
        self.reconnections += 1

    def _speech(self, event: llm.InputSpeechStartedEvent) -> None:
        self.started += 1

    def _generation(self, event: llm.GenerationCreatedEvent) -> None:
        self.replies.append(reply := Reply())
        self._reading.add(asyncio.create_task(reply.read(event)))


class Reply:
    """The parts of one reply, as they come."""

    def __init__(self) -> None:
        self.message_id = ""
        self.text = ""
        self.sound_s = 0.0
        self.over = False
        self.calls: list[llm.FunctionCall] = []

    async def read(self, event: llm.GenerationCreatedEvent) -> None:
        await asyncio.gather(self._read_messages(event), self._read_calls(event))
        self.over = True

    async def _read_calls(self, event: llm.GenerationCreatedEvent) -> None:
        async for call in event.function_stream:
            self.calls.append(call)

    async def _read_messages(self, event: llm.GenerationCreatedEvent) -> None:
        async for message in event.message_stream:
            self.message_id = message.message_id
            await asyncio.gather(self._read_text(message), self._read_sound(message))

    async def _read_text(self, message: llm.MessageGeneration) -> None:
        async for piece in message.text_stream:
            self.text += piece

    async def _read_sound(self, message: llm.MessageGeneration) -> None:
        async for frame in message.audio_stream:
            self.sound_s += frame.duration


@asynccontextmanager
async def talking(url: str = BASE, **options: Any) -> AsyncIterator[Talk]:
    async with aiohttp.ClientSession() as http:
        model = openai.realtime.RealtimeModel(
            base_url=url, api_key="any", http_session=http, input_audio_transcription=TRANSCRIPTION, **options
        )
        session = model.session()
        try:
            yield Talk(session)
        finally:
            await session.aclose()
            await model.aclose()


async def test_a_spoken_turn() -> None:
    async with talking() as talk:
        await talk.say("market")
        await until(lambda: understood("market", talk.heard), "the transcript")
        await until(lambda: talk.replies and talk.replies[0].over, "the reply")
        assert talk.replies[0].text.strip()
        assert talk.replies[0].sound_s > 0.25
        assert talk.errors == []


async def test_an_interruption_with_truncation() -> None:
    async with talking() as talk:
        await talk.say("market")
        await until(lambda: talk.replies and talk.replies[0].sound_s, "the reply's sound")
        await talk.send(frames(b"", LISTENS_S))
        before = talk.started
        await talk.say("book")
        await until(lambda: talk.started > before, "the interruption")
        first = talk.replies[0]
        talk.session.truncate(message_id=first.message_id, modalities=["audio"], audio_end_ms=400)
        await until(lambda: understood("book", talk.heard), "the second transcript", found=lambda: talk.heard)
        await until(lambda: len(talk.replies) > 1 and talk.replies[-1].over, "the second reply")
        assert talk.errors == []


async def test_a_reply_on_request_and_its_cancellation() -> None:
    async with talking(modalities=["text"]) as talk:
        await talk.session.update_instructions("You are a pilot.")
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="Good morning!")
        await talk.session.update_chat_ctx(context)
        await talk.session.generate_reply(instructions="Greet the learner.")
        await until(lambda: talk.replies and talk.replies[0].over, "the reply")
        assert talk.replies[0].text.strip()
        talk.session.interrupt()  # there is nothing left to interrupt
        await talk.session.generate_reply()
        talk.session.interrupt()
        await until(lambda: len(talk.replies) == 2 and talk.replies[1].over, "the second reply's end")
        assert talk.errors == []


async def test_items_may_be_sent_again() -> None:
    """If the conversation is replaced, the plugin deletes the items that are no longer in it, and sends new ones."""
    async with talking(modalities=["text"]) as talk:
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="Good morning!", id="item_one")
        await talk.session.update_chat_ctx(context)
        changed = llm.ChatContext.empty()
        changed.add_message(role="user", content="Good evening!", id="item_two")
        await talk.session.update_chat_ctx(changed)
        assert [item.id for item in talk.session.chat_ctx.items] == ["item_two"]
        assert talk.errors == []


async def test_an_error_is_reported_and_the_session_goes_on() -> None:
    async with talking(modalities=["text"]) as talk:
        talk.session.truncate(message_id="item_nowhere", modalities=["audio"], audio_end_ms=100)
        await until(lambda: talk.errors, "the error")
        assert talk.errors[0].recoverable
        assert talk.errors[0].error.body.code == "item_truncate_invalid_item_id"
        await talk.session.generate_reply(instructions="Say hello.")
        await until(lambda: talk.replies and talk.replies[0].over, "a reply after the error")


async def test_a_reply_that_fails_is_reported_and_the_session_goes_on() -> None:
    async with talking(modalities=["text"]) as talk:
        await talk.write(TOO_LONG)
        with suppress(llm.RealtimeError):
            await talk.session.generate_reply()
        await until(lambda: talk.of("response.done"), "the end of the response")
        response = talk.of("response.done")[0]["response"]
        assert "too long" in response["status_details"]["error"]["message"]
        await talk.write("Good morning!")
        await talk.session.generate_reply()
        await until(lambda: talk.replies and talk.replies[-1].text.strip(), "a reply after the failure")
        assert talk.of("error") == []


async def test_a_resumed_session() -> None:
    session_id, item_id = await session_that_was_left()
    async with talking(f"{BASE}?session_id={session_id}", modalities=["text"]) as talk:
        talk.session.send_event({"type": "conversation.item.retrieve", "item_id": item_id})
        await until(lambda: talk.of("conversation.item.retrieved"), "the item")
        assert talk.of("session.created")[0]["session"]["id"] == session_id
        assert talk.of("conversation.item.retrieved")[0]["item"]["content"][0]["text"] == NAME
        await talk.write("What is my name?")
        await talk.session.generate_reply()
        await until(lambda: talk.replies and talk.replies[0].over, "the reply")
        assert talk.replies[0].text.strip()
        assert talk.errors == []


async def test_the_plugin_connects_again_and_sends_the_conversation_again() -> None:
    async with talking(modalities=["text"], max_session_duration=3.0) as talk:
        await talk.write(NAME)
        await until(lambda: talk.reconnections, "the reconnection")
        await until(  # the plugin has an item only when the server has confirmed it
            lambda: [item.text_content for item in talk.session.chat_ctx.items] == [NAME], "the conversation"
        )
        await talk.session.generate_reply()
        await until(lambda: talk.replies and talk.replies[-1].over, "a reply after the reconnection")
        assert talk.errors == []


@llm.function_tool
async def weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}."


async def test_a_tool_call_in_a_realtime_conversation() -> None:
    async with talking(modalities=["text"], tool_choice="required") as talk:
        await talk.session.update_tools([weather])
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="How is the weather in Paris?")
        await talk.session.update_chat_ctx(context)
        await talk.session.generate_reply()
        await until(lambda: talk.replies and talk.replies[0].calls, "the call")
        (call,) = talk.replies[0].calls
        assert call.name == "weather"
        assert set(json.loads(call.arguments)) == {"city"}
        context = talk.session.chat_ctx.copy()
        output = llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="It is sunny.", is_error=False)
        context.insert(output)
        await talk.session.update_chat_ctx(context)
        talk.session.update_options(tool_choice="none")
        await talk.session.generate_reply()
        await until(lambda: len(talk.replies) > 1 and talk.replies[1].over, "the reply after the result")
        assert talk.replies[1].text.strip()
        assert talk.errors == []


async def test_a_tool_call_of_the_language_model() -> None:
    model = openai.LLM(base_url=BASE, api_key="any", model="gpt-4o-mini")
    context = llm.ChatContext.empty()
    context.add_message(role="user", content="How is the weather in Paris?")
    asked = await model.chat(chat_ctx=context, tools=[weather], tool_choice="required", conn_options=ONCE).collect()
    (call,) = asked.tool_calls
    assert call.name == "weather"
    assert set(json.loads(call.arguments)) == {"city"}
    context.insert(llm.FunctionCall(call_id=call.call_id, name=call.name, arguments=call.arguments))
    context.insert(llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="It is sunny.", is_error=False))
    reply = await model.chat(chat_ctx=context, tools=[weather], tool_choice="none", conn_options=ONCE).collect()
    assert reply.text.strip()
    assert not reply.tool_calls


async def test_a_recording() -> None:
    engine = openai.STT(base_url=BASE, api_key="any", model="whisper-1", language="en")
    heard = await engine.recognize(frames(pcm("market"), 0.2), conn_options=ONCE)
    assert understood("market", heard.alternatives[0].text)


async def test_a_transcription_session() -> None:
    engine = openai.STT(
        base_url=BASE,
        api_key="any",
        model="gpt-4o-transcribe",
        use_realtime=True,
        turn_detection={"type": "server_vad", "silence_duration_ms": 500},
    )
    async with aiohttp.ClientSession() as http:
        engine._session = http  # only in a LiveKit worker has the plugin an HTTP session of its own
        stream = engine.stream(conn_options=ONCE)
        for frame in frames(pcm("market")):
            stream.push_frame(frame)
            await asyncio.sleep(FRAME_S)
        async with asyncio.timeout(TIMEOUT_S):
            final = ""
            while not understood("market", final):
                event = await anext(stream)
                if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
                    final += f" {event.alternatives[0].text}"
        await stream.aclose()


async def test_recognition_understands_synthesis() -> None:
    voice = openai.TTS(base_url=BASE, api_key="any", model="tts-1", voice="alloy")
    sound = [event.frame async for event in voice.synthesize(LINES["market"], conn_options=ONCE)]
    engine = openai.STT(base_url=BASE, api_key="any", model="whisper-1", language="en")
    heard = await engine.recognize(sound, conn_options=ONCE)
    assert understood("market", heard.alternatives[0].text)


async def test_an_unknown_voice_is_an_error() -> None:
    voice = openai.TTS(base_url=BASE, api_key="any", model="tts-1", voice="nobody")
    with pytest.raises(APIError, match="there is no voice of this name"):
        [_ async for _ in voice.synthesize("Hello.", conn_options=ONCE)]
