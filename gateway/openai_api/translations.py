"""POST /v1/audio/translations: the words of a recording, translated into English. Only a multilingual Whisper can do
this."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gateway.openai_api.dependencies import Context, RequestStack
from gateway.openai_api.file_transcription import Task
from gateway.openai_api.transcriptions import BY_SEGMENT, FORMS, TextFormat, answer, recognise_all
from gateway.openai_api.uploads import body_schema

router = APIRouter(tags=["audio"])


class TranslationForm(BaseModel):
    """The fields beside `file`. model: any name. prompt and temperature have no effect."""

    model: Annotated[str, Field(max_length=256)]
    prompt: Annotated[str, Field(max_length=10_000)] = ""
    response_format: TextFormat = "json"
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0


@router.post(
    "/audio/translations",
    response_class=Response,
    responses={200: {"description": "The words.", "content": FORMS}},
    openapi_extra=body_schema(TranslationForm),
)
async def translations(request: Request, context: Context, stack: RequestStack) -> Response:
    """The words of a recording, translated into English. Any other model than a multilingual Whisper refuses."""
    file, form = await stack.enter_async_context(context.uploads.receive(request, TranslationForm))
    pieces, duration_s = await recognise_all(request, context, stack, file, Task(translate=True))
    return answer(pieces, duration_s, form.response_format, BY_SEGMENT, task="translate")
