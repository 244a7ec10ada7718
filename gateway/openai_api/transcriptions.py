"""POST /v1/audio/transcriptions: the words of a recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from itertools import count
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from common.errors import InvalidInputError
from gateway.languages.checks import check_heard
from gateway.languages.names import standard_tag
from gateway.openai_api.answers import EVENT_STREAM, ParameterError, event, unless_gone, with_errors
from gateway.openai_api.dependencies import ApiContext, Context, RequestStack
from gateway.openai_api.file_transcription import FileTranscription, RecognisedPiece, Task
from gateway.openai_api.recording import stated_length_s
from gateway.openai_api.subtitles import VTT_HEADER, Segment, segments_of, srt, vtt, vtt_cues
from gateway.openai_api.uploads import body_schema

router = APIRouter(tags=["audio"])

TextFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]
Granularity = Literal["word", "segment"]
BY_SEGMENT: tuple[Granularity, ...] = ("segment",)
FORMS: dict[str, Any] = {"application/json": {}, "text/plain": {}, "application/x-subrip": {}, "text/vtt": {}}
"""The media types of a whole answer, as the OpenAPI document lists them."""


class TranscriptionForm(BaseModel):
    """The fields beside `file`. model: any name. prompt: the text before the recording, or names that are in it.
    expected_text: the English sentence that the speaker was to say; it is not one of OpenAI's fields. temperature and
    unknown fields have no effect."""

    model: Annotated[str, Field(max_length=256)]
    language: Annotated[str, Field(max_length=35)] = ""
    prompt: Annotated[str, Field(max_length=10_000)] = ""
    expected_text: Annotated[str, Field(max_length=400)] = ""
    response_format: TextFormat = "json"
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0
    timestamp_granularities: list[Granularity] = Field(default_factory=lambda: [*BY_SEGMENT], max_length=10)
    stream: bool = False
    include: list[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list, json_schema_extra={"maxItems": 0}
    )

    def check(self) -> None:
        """Raises ParameterError for an option that is not supported."""
        if self.include:
            raise ParameterError("`include`: the model's tokens are not known here; leave it out", "include")
        if self.stream and self.response_format == "verbose_json":
            raise ParameterError(
                "`stream`: `verbose_json` can't be streamed; leave it out, or take another format", "stream"
            )


@router.post(
    "/audio/transcriptions",
    response_class=Response,
    responses={200: {"description": "The words.", "content": {**FORMS, EVENT_STREAM: {}}}},
    openapi_extra=body_schema(TranscriptionForm),
)
async def transcriptions(request: Request, context: Context, stack: RequestStack) -> Response:
    """The words of a recording, in the form that `response_format` names. With `stream`, words are sent as they are
    recognised."""
    file, form = await stack.enter_async_context(context.uploads.receive(request, TranscriptionForm))
    form.check()
    task = Task(await known_language(form.language, context), prompt=form.prompt, expected=form.expected_text)
    if not form.stream:
        pieces, duration_s = await recognise_all(request, context, stack, file, task)
        return answer(
            pieces,
            duration_s,
            form.response_format,
            form.timestamp_granularities,
            judged=bool(form.expected_text),
        )
    length_s = await asyncio.to_thread(stated_length_s, file)
    heard = (await _begin(request, context, stack, file, task)).heard()
    stack.push_async_callback(heard.aclose)
    # an error before this point can still be reported with a status
    first = await unless_gone(request, anext(heard, None))
    return StreamingResponse(
        with_errors(_events(first, heard, form.response_format, length_s)), media_type=EVENT_STREAM
    )


async def known_language(tag: str, context: ApiContext) -> str:
    """The tag in its usual form. Raises ParameterError if recognition does not know the language. If the tag is empty,
    recognition detects the language."""
    if not tag:
        return ""
    language = standard_tag(tag)
    try:
        check_heard(language, await context.ports.languages.languages())
    except InvalidInputError as error:
        raise ParameterError(str(error), "language") from error
    return language


async def recognise_all(
    request: Request, context: ApiContext, stack: AsyncExitStack, file: BinaryIO, task: Task
) -> tuple[list[RecognisedPiece], float]:
    """All words of the file, and its length in seconds."""
    transcription = await _begin(request, context, stack, file, task)
    heard = transcription.heard()
    stack.push_async_callback(heard.aclose)
    return await unless_gone(request, _all(heard)), transcription.duration_s


async def _begin(
    request: Request, context: ApiContext, stack: AsyncExitStack, file: BinaryIO, task: Task
) -> FileTranscription:
    await stack.enter_async_context(context.entrance.seat(request))
    return FileTranscription(file, context.services.recordings, task, max_s=context.settings.upload_max_audio_s)


async def _all(heard: AsyncIterator[RecognisedPiece]) -> list[RecognisedPiece]:
    return [piece async for piece in heard]


async def _events(
    first: RecognisedPiece | None,
    heard: AsyncGenerator[RecognisedPiece, None],
    response_format: TextFormat,
    length_s: float | None,
) -> AsyncIterator[bytes]:
    """The answer in parts. In addition to OpenAI's fields, each part but the last states how many seconds of the
    recording have been recognised and, if the file states it, the recording's length in seconds."""
    parts: list[str] = []
    write = _writer(response_format)
    piece = first
    while piece is not None:
        if piece.text:
            parts.append(write(piece))
            progress = {"recognised_s": piece.end_s, "duration_s": length_s}
            yield event({"type": "transcript.text.delta", "delta": parts[-1], **progress})
        piece = await anext(heard, None)
    empty = VTT_HEADER if response_format == "vtt" else ""
    yield event({"type": "transcript.text.done", "text": "".join(parts) or empty})


def _writer(response_format: TextFormat) -> Callable[[RecognisedPiece], str]:
    """Returns a function that makes the part of the answer for each piece. Call it for the pieces in order."""
    numbers, written = count(1), count()

    def write(piece: RecognisedPiece) -> str:
        is_first = next(written) == 0
        match response_format:
            case "srt":
                return srt(segments_of([piece]), numbers)
            case "vtt":
                return (VTT_HEADER if is_first else "") + vtt_cues(segments_of([piece]))
            case _:
                return piece.text if is_first else f" {piece.text}"

    return write


def answer(
    pieces: list[RecognisedPiece],
    duration_s: float,
    response_format: TextFormat,
    granularities: Sequence[Granularity],
    task: Literal["transcribe", "translate"] = "transcribe",
    *,
    judged: bool = False,
) -> Response:
    """The answer in the requested form. judged: an expected text was given, so `verbose_json` lists its slips."""
    text = " ".join(piece.text for piece in pieces if piece.text)
    match response_format:
        case "text":
            return PlainTextResponse(f"{text}\n")
        case "srt":
            return PlainTextResponse(srt(segments_of(pieces)), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse(vtt(segments_of(pieces)), media_type="text/vtt")
        case "json":
            return JSONResponse({"text": text, "usage": _usage(duration_s)})
        case "verbose_json":
            heard = next((piece.language for piece in pieces if piece.language), "")
            language = "en" if task == "translate" else heard
            verbose: dict[str, Any] = {"task": task, "language": language, "duration": round(duration_s, 3)}
            verbose |= {"text": text, "usage": _usage(duration_s)}
            if "segment" in granularities:
                verbose["segments"] = [_segment(number, one) for number, one in enumerate(segments_of(pieces))]
            if "word" in granularities:
                verbose["words"] = [
                    {"word": word.text, "start": word.start_s, "end": word.end_s, "confidence": word.confidence}
                    for piece in pieces
                    for word in piece.words
                ]
            if judged:
                # a recording of several pieces is longer than a sentence
                slips = pieces[0].slips if len(pieces) == 1 else ()
                verbose["slips"] = [asdict(slip) for slip in slips]
            return JSONResponse(verbose)


def _usage(duration_s: float) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(duration_s, 3)}


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """A segment of the answer. The fields about the model's tokens have neutral values, because we don't know the
    tokens."""
    return {
        "id": number,
        "seek": 0,
        "start": segment.start_s,
        "end": segment.end_s,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }
