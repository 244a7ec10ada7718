"""Carries out a Realtime client's requests to create and to cancel responses."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from gateway.conversation.conduct import CancelReply
from gateway.conversation.session import Session
from gateway.history import PartnerTurn, Turn
from gateway.realtime.client_events import ResponseParameters
from gateway.realtime.errors import ClientError
from gateway.realtime.items import Item, Items, read_item, unknown_call
from gateway.realtime.partner_side import PartnerSide
from gateway.realtime.response import ResponseOptions
from gateway.realtime.session_conduct import speed_of
from gateway.realtime.session_config import SessionConfig
from gateway.realtime.tools import tool_use
from gateway.reply.request import Delivery, ReplyRequest


class ResponseRequests:
    """Handles the requests of one connection.

    config: returns the current settings. find_voice: returns the id of the voice that a client names. elapsed_s:
    returns the seconds since the connection began.
    """

    def __init__(
        self,
        session: Session,
        items: Items,
        partner: PartnerSide,
        *,
        config: Callable[[], SessionConfig],
        find_voice: Callable[[str], Awaitable[str]],
        elapsed_s: Callable[[], float],
    ) -> None:
        self._session = session
        self._items = items
        self._partner = partner
        self._config = config
        self._find_voice = find_voice
        self._elapsed_s = elapsed_s

    async def create(self, parameters: ResponseParameters) -> None:
        """Have the partner answer. Raises ClientError."""
        config = self._config()
        has_speech = parameters.output_modalities == ("audio",) if parameters.output_modalities else config.has_speech
        is_aside = parameters.conversation == "none"
        self._check(parameters, is_aside=is_aside, has_speech=has_speech)
        max_tokens = (
            parameters.max_output_tokens if isinstance(parameters.max_output_tokens, int) else config.max_tokens
        )
        delivery = Delivery(has_speech, speed_of(config), max_tokens, await self._voice_of(parameters))
        context = None if parameters.input is None else self._read_context(parameters.input)
        tools = tool_use(
            config.tools if parameters.tools is None else parameters.tools,
            parameters.tool_choice or config.tool_choice,
            parallel=config.parallel_tool_calls
            if parameters.parallel_tool_calls is None
            else parameters.parallel_tool_calls,
            param="response",
        )
        request = ReplyRequest(secrets.token_hex(6), delivery, parameters.instructions, context, is_aside, tools)
        self._partner.expect(
            request.id, ResponseOptions(parameters.metadata, is_aside, has_speech, max_tokens, bool(tools.tools))
        )
        await self._session.post(request)

    async def cancel(self, response_id: str | None) -> None:
        """End a response; None: the current one. Raises ClientError if there is none."""
        if response_id and (request_id := self._partner.request_of(response_id)):
            await self._session.post(CancelReply(request_id))
            return
        active = self._partner.active
        if active is None or response_id not in (None, active.id):
            raise ClientError("Cancellation failed: no active response found", code="response_cancel_not_active")
        self._partner.is_cancelled = True
        await self._session.post(CancelReply())

    def _check(self, parameters: ResponseParameters, *, is_aside: bool, has_speech: bool) -> None:
        if self._config().type == "transcription":
            raise ClientError("a transcription session has no responses; open one of the type `realtime`")
        if parameters.conversation not in (None, "auto", "none"):
            raise ClientError('`conversation` is "auto" or "none"', param="response.conversation")
        if is_aside and has_speech:
            raise ClientError(
                'a response out of band has no speech; send `output_modalities: ["text"]`',
                code="unsupported_parameter",
                param="response.output_modalities",
            )
        if not is_aside and self._partner.active:
            raise ClientError(
                f"Conversation already has an active response in progress: {self._partner.active.id}. Wait until the "
                "response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )

    def _read_context(self, given: Sequence[Mapping[str, Any]]) -> list[Turn]:
        """The turns that the response gets instead of the conversation. Raises ClientError."""
        turns: list[Turn] = []
        for at, one in enumerate(given):
            item = self._read_item(one, f"response.input[{at}]")
            if item.kind == "function_call_output":
                _add_output(turns, item, f"response.input[{at}].call_id")
            else:
                turns.append(item.as_turn(self._elapsed_s()))
        return turns

    def _read_item(self, given: Mapping[str, Any], param: str) -> Item:
        if given.get("type") == "item_reference":
            return self._items.find(str(given.get("id")), f"{param}.id")
        return read_item(given, param)

    async def _voice_of(self, parameters: ResponseParameters) -> str:
        """The id of the voice that the client requests for one response; empty: it requests none."""
        output = (parameters.audio or {}).get("output")
        voice = output.get("voice") if isinstance(output, Mapping) else None
        voice = voice.get("id") if isinstance(voice, Mapping) else voice
        return await self._find_voice(voice) if isinstance(voice, str) else ""


def _add_output(turns: list[Turn], item: Item, param: str) -> None:
    """Add the result of a call to the turn of that call. Raises ClientError if there is no such turn."""
    for at, turn in enumerate(turns):
        if isinstance(turn, PartnerTurn) and turn.call and turn.call.id == item.call_id:
            turns[at] = turn.model_copy(update={"call": turn.call.model_copy(update={"output": item.text})})
            return
    raise unknown_call(item.call_id, param)
