"""POST /v1/audio/speech: a text read aloud, sent as it is made."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from common.speech import MAX_SPEED, MAX_TEXT_CHARS, MIN_SPEED
from gateway.openai_api.answers import EVENT_STREAM, event, or_broken_off, unless_gone, with_errors
from gateway.openai_api.dependencies import Context, RequestStack
from gateway.openai_api.encoders import MEDIA_TYPES, AudioFormat, Encoder, create_encoder
from gateway.openai_api.json_body import JsonBody
from gateway.openai_api.voices import voice_for
from gateway.ports import TtsStream

router = APIRouter(tags=["audio"])

SAMPLE_RATE_HZ = 24_000  # the rate of OpenAI's `pcm`
Name = Annotated[str, Field(max_length=256)]


class VoiceId(BaseModel):
    """A voice by its id."""

    id: Name


class SpeechRequest(JsonBody):
    """model: any name, which has no effect. speed: 1 is the voice's own. instructions: has no effect here."""

    model_config = ConfigDict(extra="ignore")

    model: Name
    input: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
    voice: Name | VoiceId
    instructions: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = None
    response_format: AudioFormat = "mp3"
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"

    @property
    def voice_name(self) -> str:
        """The voice's name or id."""
        return self.voice if isinstance(self.voice, str) else self.voice.id


@router.post(
    "/audio/speech",
    response_class=StreamingResponse,
    responses={200: {"description": "The speech, or its events.", "content": {"audio/*": {}, EVENT_STREAM: {}}}},
)
async def speech(body: SpeechRequest, request: Request, context: Context, stack: RequestStack) -> StreamingResponse:
    """Read a text aloud. The answer begins as soon as the first words are spoken."""
    await stack.enter_async_context(context.entrance.seat(request))
    voice = voice_for(body.voice_name, await context.services.voices())
    stream = await stack.enter_async_context(
        context.ports.tts.open(sample_rate_hz=SAMPLE_RATE_HZ, voice=voice, speed=body.speed, language="")
    )
    await stream.send_text(body.input)
    await stream.finish()
    parts = _encoded(stream, create_encoder(body.response_format, SAMPLE_RATE_HZ))
    stack.push_async_callback(parts.aclose)
    first = await unless_gone(request, anext(parts))  # an error before this point can still be reported with a status
    if body.stream_format == "sse":
        return StreamingResponse(with_errors(_events(first, parts)), media_type=EVENT_STREAM)
    return StreamingResponse(or_broken_off(_all(first, parts)), media_type=MEDIA_TYPES[body.response_format])


async def _encoded(stream: TtsStream, encoder: Encoder) -> AsyncGenerator[bytes, None]:
    """The file, in parts. The first part comes with the first sound, even if the part is empty."""
    async for chunk in stream:
        yield await asyncio.to_thread(encoder.push, chunk.pcm)
    yield await asyncio.to_thread(encoder.finish)


async def _all(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part


async def _events(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for part in _all(first, parts):
        if part:
            yield event({"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()})
    # No tokens are counted for speech.
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield event({"type": "speech.audio.done", "usage": usage})
