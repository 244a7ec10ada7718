"""The partner's replies as responses of the Realtime API. Pure: notices go in, events come out.

    response.created, rate_limits.updated, output_item.added, item added, content_part.added
    transcript deltas and audio deltas, or text deltas
    the done events of all these, in reverse order, and response.done

A response with tools adds its message with the first text. Each call is an item of its own, with deltas of its
arguments. A call ends only with its response. So when the client sees the end of a call, it may request the next
response.

A response is done when all of it has been sent, even if the learner still hears it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.errors import ServiceError
from gateway.notices import ReplyBegan, ReplyEnded, ReplySent
from gateway.openai_common.errors import error_details
from gateway.ports import WritingEnd
from gateway.realtime import server_events
from gateway.realtime.audio import AudioEncoder
from gateway.realtime.items import Item, Items, Kind
from gateway.realtime.response import Response, ResponseOptions
from gateway.realtime.server_events import Event
from gateway.realtime.session_config import SessionConfig
from gateway.reply.outcome import call_turn_id
from gateway.tools import CallPiece


@dataclass
class PartnerSide:
    """The replies of one connection. config: returns the current settings. rate_limits: returns what is left of the
    client's allowance."""

    items: Items
    config: Callable[[], SessionConfig]
    sample_rate_hz: int
    conversation_id: str
    rate_limits: Callable[[], list[dict[str, Any]]]
    active: Response | None = None
    """The conversation's response that is not done yet."""
    is_cancelled: bool = False
    """Whether the client has asked to end the active response."""
    heard: Response | None = None
    """The conversation's response that the learner hears."""
    _expected: dict[str, ResponseOptions] = field(default_factory=dict)
    _responses: dict[str, Response] = field(default_factory=dict)  # by turn id, until the reply has ended
    _lengths_ms: dict[str, float] = field(default_factory=dict)  # the lengths of items with audio
    _audio_of: str = ""  # the turn to which the present audio belongs

    def expect(self, request_id: str, options: ResponseOptions) -> None:
        """The client has requested a response."""
        self._expected[request_id] = options

    def request_of(self, response_id: str) -> str | None:
        """The request of the open out-of-band response with this id; None if there is none."""
        return next(
            (one.request_id for one in self._responses.values() if one.id == response_id and one.options.is_aside), None
        )

    def length_ms(self, item: Item) -> float:
        """The length of the item's sent audio."""
        return self._lengths_ms.get(item.id, 0.0)

    def on_began(self, began: ReplyBegan) -> list[Event]:
        """A reply was released."""
        config = self.config()
        options = self._expected.pop(began.request_id, None) or ResponseOptions(
            has_speech=config.has_speech, max_tokens=config.max_tokens, has_tools=bool(config.tools)
        )
        kind: Kind = "output_audio" if options.has_speech else "output_text"
        item = Item(began.turn_id, "assistant", kind, is_kept=False, status="in_progress", has_content=False)
        response = self._responses[began.turn_id] = Response(
            id=f"resp_{began.turn_id}",
            request_id=began.request_id,
            item=item,
            options=options,
            encoder=AudioEncoder(config.audio.output.format.type, self.sample_rate_hz),
            config=config,
            conversation_id=self.conversation_id,
        )
        if not options.is_aside:
            self.active, self.heard, self.is_cancelled = response, response, False
        return [
            {"type": "response.created", "response": response.shown()},
            {"type": "rate_limits.updated", "rate_limits": self.rate_limits()},
            *([] if options.has_tools else self._open(response)),  # a response with tools may consist of calls only
        ]

    def _open(self, response: Response) -> list[Event]:
        """Begin the response's message, unless it has begun."""
        if response.item in response.output:
            return []
        response.index = len(response.output)
        events = self._add(response, response.item)
        events.append(response.event("content_part.added", part=response.part))
        response.item.has_content = True
        return events

    def _add(self, response: Response, item: Item) -> list[Event]:
        """Add an item to the response's output."""
        events = [response.output_event("output_item.added", item, len(response.output))]
        response.output.append(item)
        if not response.options.is_aside:
            before = response.before[item.id] = self.items.add(item)
            events.append(server_events.item_added(item, before))
        return events

    def on_call(self, turn_id: str, piece: CallPiece) -> list[Event]:
        """A piece of a call of a tool that the client runs."""
        response = self._responses.get(turn_id)
        if response is None or response.is_done:
            return []
        events: list[Event] = []
        if piece.index not in response.places:
            item = Item(
                call_turn_id(turn_id, len(response.places)),
                "assistant",
                "function_call",
                is_kept=False,
                status="in_progress",
                call_id=piece.id,
                name=piece.name,
            )
            response.places[piece.index] = len(response.output)
            events = self._add(response, item)
        place = response.places[piece.index]
        item = response.output[place]
        item.text = (item.text or "") + piece.arguments
        if piece.arguments:
            about = response.call_place(place)
            events.append({"type": "response.function_call_arguments.delta", **about, "delta": piece.arguments})
        return events

    def on_text(self, turn_id: str, text: str) -> list[Event]:
        """A piece of a reply's text."""
        response = self._responses.get(turn_id)
        if response is None or response.is_done or not text:
            return []
        response.item.text = (response.item.text or "") + text
        kind = "output_audio_transcript.delta" if response.options.has_speech else "output_text.delta"
        return [*self._open(response), response.event(kind, delta=text)]

    def on_audio_start(self, turn_id: str) -> None:
        """Audio of this reply follows."""
        self._audio_of = turn_id

    def on_audio(self, pcm: bytes) -> list[Event]:
        """A piece of a reply's audio."""
        response = self._responses.get(self._audio_of)
        return self._audio(response, response.encoder.push(pcm)) if response and not response.is_done else []

    def on_sent(self, sent: ReplySent) -> list[Event]:
        """All of a reply was sent."""
        response = self._responses.get(sent.turn_id)
        if response is None or response.is_done:
            return []
        response.usage = _usage(sent.end)
        if sent.failure:
            return self._done(response, "failed", {"error": _error(sent.failure)})
        rest = self._audio(response, response.encoder.flush()) if response.has_audio else []
        if sent.end and sent.end.reason == "length":
            return [*rest, *self._done(response, "incomplete", {"reason": "max_output_tokens"})]
        if sent.end and sent.end.reason == "filter":
            return [*rest, *self._done(response, "incomplete", {"reason": "content_filter"})]
        return [*rest, *self._done(response, "completed")]

    def on_ended(self, ended: ReplyEnded) -> list[Event]:
        """The learner has heard all of a reply, or it was interrupted or failed."""
        response = self._responses.pop(ended.turn_id, None)
        if response is None:
            return []
        if self.heard is response:
            self.heard = None
        events: list[Event] = []
        if not response.is_done:
            if ended.failure:
                events = self._done(response, "failed", {"error": _error(ended.failure)})
            else:
                is_client = self.is_cancelled or response.options.is_aside
                reason = "client_cancelled" if is_client else "turn_detected"
                events = self._done(response, "cancelled", {"reason": reason})
        response.item.text = ended.heard_text
        response.item.is_kept = bool(ended.heard_text) and not response.options.is_aside
        return events

    def _audio(self, response: Response, data: bytes) -> list[Event]:
        if not data:
            return []
        response.has_audio = True
        response.sent_ms += response.encoder.duration_ms(len(data))
        self._lengths_ms[response.item.id] = response.sent_ms
        return [response.event("output_audio.delta", delta=base64.b64encode(data).decode())]

    def _done(self, response: Response, status: str, details: Mapping[str, Any] | None = None) -> list[Event]:
        if self.active is response:
            self.active = None
        response.is_done, response.status = True, status
        response.details = {"type": status, **details} if details else None
        opened = [] if response.places else self._open(response)
        for item in response.output:
            item.status = "completed" if status == "completed" else "incomplete"
        done = [event for place in range(len(response.output)) for event in self._item_done(response, place)]
        return [*opened, *done, {"type": "response.done", "response": response.shown()}]

    def _item_done(self, response: Response, place: int) -> list[Event]:
        """The events for the end of the item at this place of the output."""
        item = response.output[place]
        is_aside = response.options.is_aside
        if item is response.item:
            ends = self._message_ends(response)
        else:
            item.is_kept = item.status == "completed" and not is_aside
            ends = []
            if item.status == "completed":
                about = {**response.call_place(place), "name": item.name, "arguments": item.text}
                ends = [{"type": "response.function_call_arguments.done", **about}]
        return [
            *ends,
            *([] if is_aside else [server_events.item_done(item, response.before[item.id])]),
            response.output_event("output_item.done", item, place),
        ]

    def _message_ends(self, response: Response) -> list[Event]:
        text = response.item.text
        parts = (
            [
                response.event("output_audio.done"),
                response.event("output_audio_transcript.done", transcript=text),
            ]
            if response.options.has_speech
            else [response.event("output_text.done", text=text)]
        )
        return [*parts, response.event("content_part.done", part=response.part)]


def _error(failure: ServiceError) -> dict[str, Any]:
    details = error_details(failure)
    return {"type": details["type"], "code": details["code"], "message": details["message"]}


def _usage(end: WritingEnd | None) -> dict[str, Any] | None:
    """The model server's token counts. There are no audio tokens, because no model reads or writes them here."""
    if end is None:
        return None
    return {
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "input_tokens": end.prompt_tokens,
        "output_tokens": end.completion_tokens,
        "input_token_details": {
            "text_tokens": end.prompt_tokens,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": end.cached_prompt_tokens,
            "cached_tokens_details": {"text_tokens": end.cached_prompt_tokens, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": end.completion_tokens, "audio_tokens": 0},
    }
