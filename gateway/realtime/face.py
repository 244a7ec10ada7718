"""Translates between one Realtime client and its conversation: the client's events in, the conversation's events out.

`on_client` carries out a client's event, `on_core` translates a message or notice of the conversation.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidInputError, ServiceError, UnavailableError
from common.pcm import BYTES_PER_SAMPLE
from gateway.audio import AudioInput
from gateway.conversation.conduct import AddTurn, CancelReply, Conduct, Configure, DeleteTurn, TruncateTurn
from gateway.conversation.session import Session
from gateway.history import Turn
from gateway.notices import (
    Notice,
    ReplyBegan,
    ReplyEnded,
    ReplySent,
    TurnDropped,
    TurnOver,
    TurnTruncated,
    VoiceBegan,
    WordsHeard,
)
from gateway.ports import Patience
from gateway.protocol import AiAudioStart, AiText, AnyServerMessage, ErrorMessage, Interrupted, Reconnect
from gateway.realtime import server_events
from gateway.realtime.audio import AudioDecoder
from gateway.realtime.client_events import (
    AnyClientEvent,
    BufferAppend,
    BufferClear,
    BufferCommit,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    OutputBufferClear,
    ResponseCancel,
    ResponseCreate,
    ResponseWish,
    SessionUpdate,
)
from gateway.realtime.errors import ClientError
from gateway.realtime.items import Items, item_of_turn, read_item
from gateway.realtime.learner_side import LearnerSide
from gateway.realtime.partner_side import Asked, PartnerSide
from gateway.realtime.server_events import Event
from gateway.realtime.session_config import LEAST_SPEED, SessionConfig, updated
from gateway.reply.request import Delivery, ReplyRequest

# The client can't end a turn with less audio than this.
LEAST_COMMIT_MS = 100
# If the client ends the turns, recognition gets the audio in parts, divided at silences of this length.
CUT_SILENCE_MS = 800
MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody has spoken since the learner heard the end of the partner's reply. from_ms: time in the learner's
    audio."""

    since_s: float
    from_ms: float


class Face:
    """The translator of one connection.

    send: takes the events for the client, in order. find_voice: returns the id of the voice that a client names.
    max_tokens: the longest response that the server allows. rate_limits: returns the rest of the client's allowance.
    default_instructions: used until the client sends its own.
    """

    def __init__(
        self,
        session: Session,
        audio: AudioInput,
        send: Callable[[list[Event]], Awaitable[None]],
        *,
        config: SessionConfig,
        find_voice: Callable[[str], Awaitable[str]],
        sample_rate_hz: int,
        max_tokens: int,
        rate_limits: Callable[[], list[dict[str, Any]]],
        default_instructions: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self._session = session
        self._audio = audio
        self._send = send
        self._find_voice = find_voice
        self._max_tokens = max_tokens
        self._default_instructions = default_instructions
        self._now = now
        self._began_s = now()
        self._decoder = AudioDecoder(config.audio.input.format.type, audio.sample_rate_hz)
        self._appended = 0  # samples of the whole connection
        self._uncommitted = 0  # of these, the samples since the last turn that the client has ended
        self._items = Items()
        self._learner = LearnerSide(self._items, lambda: self.config)
        self._partner = PartnerSide(
            self._items, lambda: self.config, sample_rate_hz, f"conv_{secrets.token_hex(8)}", rate_limits
        )
        self._truncations: dict[str, int] = {}  # item → milliseconds, of truncations that are not confirmed yet
        self._early: list[Event] | None = []  # events that `begin` will send
        self._silence: Silence | None = None
        self._silence_changed = asyncio.Event()

    # --- the session ----------------------------------------------------------------------------

    async def begin(self) -> None:
        """The session exists, new or resumed: send its settings to the client."""
        for turn in self._session.turns:
            self._items.add(item_of_turn(turn))
        await self._configure(self.config)
        early, self._early = self._early or [], None
        await self._send([{"type": "session.created", "session": self._shown()}, *early])

    def _shown(self) -> dict[str, Any]:
        return self.config.shown(
            f"sess_{self._session.session_id}",
            instructions=self._session.state.instructions or self._default_instructions,
            max_tokens=self._max_tokens,
        )

    async def _update(self, event: SessionUpdate) -> None:
        config = updated(self.config, event.session)
        await self._configure(config)
        await self._send([{"type": "session.updated", "session": self._shown()}])

    async def _configure(self, config: SessionConfig) -> None:
        voice = await self._find_voice(config.audio.output.voice)
        output = config.audio.output.model_copy(update={"voice": voice})
        config = config.model_copy(update={"audio": config.audio.model_copy(update={"output": output})})
        if config.audio.input.format.type != self.config.audio.input.format.type:
            self._decoder = AudioDecoder(config.audio.input.format.type, self._audio.sample_rate_hz)
        self.config = config
        self._silence_changed.set()
        await self._session.post(Configure(_conduct(config), _state_changes(config)))

    # --- what the client sends ------------------------------------------------------------------

    async def on_client(self, event: AnyClientEvent) -> None:
        """Carry out the client's event. Raises ServiceError if the event has no effect."""
        match event:
            case BufferAppend():
                await self._append(event)
            case BufferCommit():
                await self._commit()
            case BufferClear():
                await self._audio.cut(keep=False)
                self._uncommitted = 0
                await self._send([{"type": "input_audio_buffer.cleared"}])
            case OutputBufferClear():
                raise ClientError(
                    "`output_audio_buffer.clear` is for WebRTC and SIP; here, empty your player and send "
                    "`conversation.item.truncate`",
                    code="unsupported_parameter",
                    param="type",
                )
            case SessionUpdate():
                await self._update(event)
            case ResponseCreate():
                await self._create_response(event.response)
            case ResponseCancel():
                await self._cancel_response(event.response_id)
            case _:
                await self._on_item_event(event)

    async def _on_item_event(self, event: ItemCreate | ItemRetrieve | ItemDelete | ItemTruncate) -> None:
        match event:
            case ItemCreate():
                await self._create_item(event)
            case ItemRetrieve(item_id=item_id):
                item = self._items.find(item_id)
                await self._send([{"type": "conversation.item.retrieved", "item": item.shown()}])
            case ItemDelete(item_id=item_id):
                item = self._items.find(item_id)
                if item.status == "in_progress":
                    raise ClientError("this item is still being made; cancel the response first", param="item_id")
                self._items.delete(item)
                if item.is_kept:
                    await self._session.post(DeleteTurn(item.id))
                await self._send([{"type": "conversation.item.deleted", "item_id": item.id}])
            case ItemTruncate():
                await self._truncate(event)

    async def _append(self, event: BufferAppend) -> None:
        try:
            data = base64.b64decode(event.audio, validate=True)
        except binascii.Error:
            raise ClientError("`audio` is not valid base64", param="audio") from None
        if pcm := self._decoder.push(data):
            self._appended += len(pcm) // BYTES_PER_SAMPLE
            self._uncommitted += len(pcm) // BYTES_PER_SAMPLE
            await self._audio.feed(pcm)

    async def _commit(self) -> None:
        length_ms = self._uncommitted / self._audio.sample_rate_hz * 1000
        is_by_hand = self.config.audio.input.turn_detection is None
        if length_ms < LEAST_COMMIT_MS or not (is_by_hand or self._learner.is_speaking):
            raise ClientError(
                f"Error committing input audio buffer: buffer too small. Expected at least {LEAST_COMMIT_MS}ms of "
                f"audio, but buffer only has {length_ms if is_by_hand else 0:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        self._uncommitted = 0
        if not is_by_hand:  # recognition ends the turn, and its events follow as usual
            await self._audio.cut()
            return
        turn_id, events = self._learner.on_commit()
        await self._audio.cut(turn_id=turn_id)
        await self._send(events)

    async def _create_item(self, event: ItemCreate) -> None:
        item = read_item(event.item)
        before = self._items.add(item, event.previous_item_id)
        is_last, after = self._items.is_last(item), self._items.kept_before(item)
        await self._session.post(AddTurn(item.as_turn(self._elapsed_s()), after, is_last))
        await self._send([server_events.item_added(item, before), server_events.item_done(item, before)])

    async def _truncate(self, event: ItemTruncate) -> None:
        item = self._items.find(event.item_id)
        if item.role != "assistant" or item.kind != "output_audio":
            raise ClientError("only audio of the assistant's can be truncated", param="item_id")
        if event.content_index != 0:
            raise ClientError("`content_index` must be 0: an item has one part", param="content_index")
        await self._session.post(TruncateTurn(item.id, event.audio_end_ms))
        end_ms = min(event.audio_end_ms, round(self._partner.length_ms(item)))
        self._truncations[item.id] = end_ms

    async def _create_response(self, wish: ResponseWish) -> None:
        if self.config.type == "transcription":
            raise ClientError("a transcription session has no responses; open one of the type `realtime`")
        is_aside = wish.conversation == "none"
        if wish.conversation not in (None, "auto", "none"):
            raise ClientError('`conversation` is "auto" or "none"', param="response.conversation")
        if not is_aside and self._partner.active:
            raise ClientError(
                f"Conversation already has an active response in progress: {self._partner.active.id}. Wait until the "
                "response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )
        has_speech = wish.output_modalities == ("audio",) if wish.output_modalities else self.config.has_speech
        if is_aside and has_speech:
            raise ClientError(
                'a response out of band has no speech; send `output_modalities: ["text"]`',
                code="unsupported_parameter",
                param="response.output_modalities",
            )
        max_tokens = wish.max_output_tokens if isinstance(wish.max_output_tokens, int) else self.config.max_tokens
        delivery = Delivery(has_speech, _speed(self.config), max_tokens, await self._voice_of(wish))
        context = None if wish.input is None else [self._read_context(at, one) for at, one in enumerate(wish.input)]
        request = ReplyRequest(secrets.token_hex(6), delivery, wish.instructions, context, is_aside)
        self._partner.expect(request.id, Asked(wish.metadata, is_aside, has_speech, max_tokens))
        await self._session.post(request)

    def _read_context(self, at: int, given: Mapping[str, Any]) -> Turn:
        param = f"response.input[{at}]"
        if given.get("type") == "item_reference":
            return self._items.find(str(given.get("id")), f"{param}.id").as_turn(self._elapsed_s())
        return read_item(given, param).as_turn(self._elapsed_s())

    async def _voice_of(self, wish: ResponseWish) -> str:
        """The id of the voice that the client requests for one response; empty: it requests none."""
        output = (wish.audio or {}).get("output")
        voice = output.get("voice") if isinstance(output, Mapping) else None
        voice = voice.get("id") if isinstance(voice, Mapping) else voice
        return await self._find_voice(voice) if isinstance(voice, str) else ""

    async def _cancel_response(self, response_id: str | None) -> None:
        if response_id and (request_id := self._partner.request_of(response_id)):
            await self._session.post(CancelReply(request_id))
            return
        active = self._partner.active
        if active is None or response_id not in (None, active.id):
            raise ClientError("Cancellation failed: no active response found", code="response_cancel_not_active")
        self._partner.is_cancelled = True
        await self._session.post(CancelReply())

    # --- what the conversation says -------------------------------------------------------------

    def on_core(self, message: AnyServerMessage | Notice | bytes) -> list[Event]:
        """The events for the client. Before `begin` there are none: `begin` sends them."""
        events = self._translated(message)
        if self._early is None:
            return events
        self._early += events
        return []

    def _translated(self, message: AnyServerMessage | Notice | bytes) -> list[Event]:
        match message:
            case bytes():
                return self._partner.on_audio(message)
            case AiText(text=text, turn_id=turn_id):
                return self._partner.on_text(turn_id, text)
            case AiAudioStart(turn_id=turn_id):
                self._partner.on_audio_start(turn_id)
                return []
            case Interrupted():
                return self._learner.on_interruption()
            case ErrorMessage():
                return [server_events.error(_problem(message))]
            case Reconnect():
                problem = ServiceError(message.reason, code="reconnect", retryable=True)
                return [server_events.error(problem)]
            case VoiceBegan() | WordsHeard() | TurnOver() | TurnDropped():
                return self._on_learner(message)
            case ReplyBegan() | ReplySent() | ReplyEnded() | TurnTruncated():
                return self._on_partner(message)
            case _:  # only for clients of /ws/conversation
                return []

    def _on_learner(self, notice: VoiceBegan | WordsHeard | TurnOver | TurnDropped) -> list[Event]:
        self._note_silence(None)
        match notice:
            case VoiceBegan():
                return self._learner.on_voice(notice, partner_is_heard=self._partner.heard is not None)
            case WordsHeard():
                return self._learner.on_words(notice)
            case TurnOver():
                return self._learner.on_turn_over(notice)
            case TurnDropped():
                return self._learner.on_dropped()

    def _on_partner(self, notice: ReplyBegan | ReplySent | ReplyEnded | TurnTruncated) -> list[Event]:
        match notice:
            case ReplyBegan():
                self._note_silence(None)
                return self._partner.on_began(notice)
            case ReplySent():
                return self._partner.on_sent(notice)
            case ReplyEnded():
                if notice.outcome == "complete":
                    self._note_silence(Silence(self._now(), self._appended_ms))
                events = self._partner.on_ended(notice)
                # A learner who began to speak while the partner was heard now speaks alone.
                return events if self._partner.heard else [*self._learner.on_interruption(), *events]
            case TurnTruncated(turn_id, text):
                return self._on_truncated(turn_id, text)

    def _on_truncated(self, item_id: str, text: str) -> list[Event]:
        item = self._items.find(item_id)
        item.text, item.is_kept = text, bool(text)
        end_ms = self._truncations.pop(item_id, 0)
        about = {"item_id": item_id, "content_index": 0, "audio_end_ms": end_ms}
        return [{"type": "conversation.item.truncated", **about}]

    # --- silence --------------------------------------------------------------------------------

    async def answer_silences(self) -> None:
        """Let the partner go on after each silence of `idle_timeout_ms`. Run this as a task."""
        while True:
            silence = self._silence
            with suppress(TimeoutError):
                async with asyncio.timeout(self._silence_left_s()):
                    await self._silence_changed.wait()
            self._silence_changed.clear()
            if silence and silence is self._silence and self._silence_left_s() == 0:
                self._silence = None
                await self._send(self._learner.on_silence(silence.from_ms, self._appended_ms))
                await self._create_response(ResponseWish())

    def _silence_left_s(self) -> float | None:
        """Seconds until the partner goes on, if nobody speaks; None: the partner doesn't go on."""
        detection = self.config.audio.input.turn_detection
        if self._silence is None or detection is None or not detection.idle_timeout_ms:
            return None
        return max(0.0, self._silence.since_s + detection.idle_timeout_ms / MS_PER_S - self._now())

    def _note_silence(self, silence: Silence | None) -> None:
        self._silence = silence
        self._silence_changed.set()

    @property
    def _appended_ms(self) -> float:
        return self._appended / self._audio.sample_rate_hz * 1000

    def _elapsed_s(self) -> float:
        return round(self._now() - self._began_s, 3)


def _conduct(config: SessionConfig) -> Conduct:
    """The conversation's rules for these settings."""
    detection = config.audio.input.turn_detection
    delivery = Delivery(config.has_speech, _speed(config), config.max_tokens)
    if detection is None:
        patience = Patience(end_silence_ms=CUT_SILENCE_MS)
        return Conduct(detects_turns=False, answers_turns=False, patience=patience, delivery=delivery)
    return Conduct(
        answers_turns=detection.create_response and config.type == "realtime",
        is_interruptible=detection.interrupt_response,
        patience=detection.patience,
        delivery=delivery,
    )


def _state_changes(config: SessionConfig) -> dict[str, object]:
    """The part of these settings that is stored with the session."""
    changes: dict[str, object] = {"voice": config.audio.output.voice}
    if config.instructions is not None:
        changes |= {"instructions": config.instructions.strip(), "is_plain": True}
    if config.audio.input.transcription and config.audio.input.transcription.language:
        changes["language"] = config.audio.input.transcription.language
    return changes


def _speed(config: SessionConfig) -> float:
    return max(config.audio.output.speed, LEAST_SPEED)


def _problem(message: ErrorMessage) -> ServiceError:
    """The error that a message of /ws/conversation reports."""
    kind = UnavailableError if message.retryable else InvalidInputError
    return kind(message.message, code=message.code)
