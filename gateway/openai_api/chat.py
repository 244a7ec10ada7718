"""POST /v1/chat/completions: the language model for chat applications."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from common.errors import EngineError
from gateway.openai_api.answers import EVENT_STREAM, event, unless_gone, with_errors
from gateway.openai_api.chat_request import ChatBody
from gateway.openai_api.dependencies import Context, RequestStack
from gateway.ports import ChatDone
from gateway.tools import CallPiece, ToolCall, whole_calls

router = APIRouter(tags=["chat"])

Events = AsyncIterator[str | CallPiece | ChatDone]


@router.post(
    "/chat/completions",
    response_class=Response,
    responses={200: {"description": "The reply.", "content": {"application/json": {}, EVENT_STREAM: {}}}},
)
async def chat_completions(body: ChatBody, request: Request, context: Context, stack: RequestStack) -> Response:
    """The model's reply to a conversation. With `stream`, it is sent as it is written."""
    asked = body.to_request()
    await stack.enter_async_context(context.entrance.seat(request))
    opening = stack.enter_async_context(context.services.chat.stream(asked))
    events = await unless_gone(request, opening)  # an error before the first piece can still be reported with a status
    answer = _Answer(body.model)
    if not body.stream:
        return JSONResponse(await unless_gone(request, answer.whole(events)))
    includes_usage = bool(body.stream_options and body.stream_options.include_usage)
    chunks = with_errors(answer.chunks(events, includes_usage=includes_usage))
    return StreamingResponse(chunks, media_type=EVENT_STREAM)


class _Answer:
    """One reply as OpenAI's objects."""

    def __init__(self, model: str) -> None:
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    async def whole(self, events: Events) -> dict[str, Any]:
        """The object of a complete reply. Raises EngineError if the model breaks off."""
        texts: list[str] = []
        pieces: list[CallPiece] = []
        async for one in events:
            match one:
                case ChatDone():
                    message = _message("".join(texts), whole_calls(pieces))
                    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": one.stop_reason}
                    return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(one)}
                case CallPiece():
                    pieces.append(one)
                case _:
                    texts.append(one)
        raise EngineError("LLM: the reply broke off before its end; try again")

    async def chunks(self, events: Events, *, includes_usage: bool) -> AsyncIterator[bytes]:
        """The events of a reply that is being written."""
        yield self._chunk({"role": "assistant", "content": ""})
        async for one in events:
            match one:
                case ChatDone():
                    yield self._chunk({}, one.stop_reason)
                    if includes_usage:
                        usage = {"choices": [], "usage": _usage(one)}
                        yield event({**self._head, "object": "chat.completion.chunk", **usage})
                case CallPiece():
                    yield self._chunk({"tool_calls": [_piece(one)]})
                case _:
                    yield self._chunk({"content": one})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event({**self._head, "object": "chat.completion.chunk", "choices": [choice]})


def _message(text: str, calls: list[ToolCall]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if not calls:
        return message
    shown = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    return {**message, "content": text or None, "tool_calls": shown}


def _piece(piece: CallPiece) -> dict[str, Any]:
    """The next piece of a call. The first piece has the id and the name."""
    if not piece.id:
        return {"index": piece.index, "function": {"arguments": piece.arguments}}
    function = {"name": piece.name, "arguments": piece.arguments}
    return {"index": piece.index, "id": piece.id, "type": "function", "function": function}


def _usage(done: ChatDone) -> dict[str, Any]:
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": done.cached_prompt_tokens},
    }
