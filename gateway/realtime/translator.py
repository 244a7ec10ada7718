"""Translates between one Realtime client and its conversation: the client's events in, the conversation's events out.

`on_client` carries out a client's event, and `on_core` translates a message or notice of the conversation.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from common.errors import InvalidInputError, ServiceError, UnavailableError
from gateway.audio import AudioInput
from gateway.closing import TimeUsedUpError
from gateway.conversation.conduct import Configure
from gateway.conversation.session import Session
from gateway.notices import (
    CallWritten,
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
from gateway.ports import Languages
from gateway.protocol import AiAudioStart, AiText, AnyServerMessage, ErrorMessage, Interrupted, Reconnect
from gateway.realtime import server_events
from gateway.realtime.client_events import (
    AnyClientEvent,
    BufferAppend,
    BufferClear,
    BufferCommit,
    OutputBufferClear,
    ResponseCancel,
    ResponseCreate,
    ResponseParameters,
    SessionUpdate,
)
from gateway.realtime.errors import ClientError
from gateway.realtime.idle_timer import IdleTimer
from gateway.realtime.input_buffer import InputBuffer
from gateway.realtime.item_requests import ItemRequests
from gateway.realtime.items import Items, items_of_turn
from gateway.realtime.learner_side import LearnerSide
from gateway.realtime.partner_side import PartnerSide
from gateway.realtime.response_requests import ResponseRequests
from gateway.realtime.server_events import Event
from gateway.realtime.session_conduct import check_language_of, conduct_of, language_of, state_changes
from gateway.realtime.session_config import SessionConfig, updated

# The least audio with which the client can end a turn.
LEAST_COMMIT_MS = 100

NOTICES = frozenset({"slow", "not_saved"})
"""Codes of errors that do not affect the conversation."""


class Translator:
    """The translator of one connection.

    send: takes the events for the client, in order. find_voice: returns the id of the voice that a client names.
    languages: those that the model servers know. max_tokens: the longest response that the server allows. rate_limits:
    returns what is left of the client's allowance. default_instructions: used until the client sends its own.
    """

    def __init__(
        self,
        session: Session,
        audio: AudioInput,
        send: Callable[[list[Event]], Awaitable[None]],
        *,
        config: SessionConfig,
        find_voice: Callable[[str], Awaitable[str]],
        languages: Languages,
        sample_rate_hz: int,
        max_tokens: int,
        rate_limits: Callable[[], list[dict[str, Any]]],
        default_instructions: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self._session = session
        self._send = send
        self._find_voice = find_voice
        self._languages = languages
        self._max_tokens = max_tokens
        self._default_instructions = default_instructions
        self._now = now
        self._began_s = now()
        self._buffer = InputBuffer(audio, config.audio.input.format.type)
        self._items = Items()
        self._learner = LearnerSide(self._items, lambda: self.config)
        self._partner = PartnerSide(
            self._items, lambda: self.config, sample_rate_hz, f"conv_{secrets.token_hex(8)}", rate_limits
        )
        self._item_requests = ItemRequests(session, self._items, self._partner, send=send, elapsed_s=self._elapsed_s)
        self._responses = ResponseRequests(
            session,
            self._items,
            self._partner,
            config=lambda: self.config,
            find_voice=find_voice,
            elapsed_s=self._elapsed_s,
        )
        self.idle = IdleTimer(self._idle_timeout_ms, self._on_idle, now)
        self._early: list[Event] | None = []  # events that wait for `begin`; None after that

    # --- the session ----------------------------------------------------------------------------

    async def begin(self) -> None:
        """The session now exists, new or resumed: send its settings to the client."""
        for turn in self._session.turns:
            for item in items_of_turn(turn):
                self._items.add(item)
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
        if language_of(config) != self._session.state.language:
            check_language_of(config, await self._languages.languages())
        await self._configure(config)
        await self._send([{"type": "session.updated", "session": self._shown()}])

    async def _configure(self, config: SessionConfig) -> None:
        voice = await self._find_voice(config.audio.output.voice)
        output = config.audio.output.model_copy(update={"voice": voice})
        config = config.model_copy(update={"audio": config.audio.model_copy(update={"output": output})})
        if config.audio.input.format.type != self.config.audio.input.format.type:
            self._buffer.use(config.audio.input.format.type)
        self.config = config
        self.idle.timeout_changed()
        await self._session.post(Configure(conduct_of(config), state_changes(config)))

    # --- what the client sends ------------------------------------------------------------------

    async def on_client(self, event: AnyClientEvent) -> None:
        """Carry out the client's event. Raises ServiceError if the event has no effect."""
        match event:
            case BufferAppend():
                await self._buffer.append(event.data())
            case BufferCommit():
                await self._commit()
            case BufferClear():
                await self._buffer.clear()
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
                await self._responses.create(event.response)
            case ResponseCancel():
                await self._responses.cancel(event.response_id)
            case _:
                await self._item_requests.on(event)

    async def _commit(self) -> None:
        length_ms = self._buffer.uncommitted_ms
        is_by_hand = self.config.audio.input.turn_detection is None
        if length_ms < LEAST_COMMIT_MS or not (is_by_hand or self._learner.is_speaking):
            raise ClientError(
                f"Error committing input audio buffer: buffer too small. Expected at least {LEAST_COMMIT_MS}ms of "
                f"audio, but buffer only has {length_ms if is_by_hand else 0:.2f}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        if not is_by_hand:  # recognition ends the turn, and the turn's events follow as usual
            await self._buffer.commit()
            return
        turn_id, events = self._learner.on_commit()
        await self._buffer.commit(turn_id)
        await self._send(events)

    # --- what the conversation says -------------------------------------------------------------

    def on_core(self, message: AnyServerMessage | Notice | bytes) -> list[Event]:
        """The events for the client. Before `begin` the result is empty: `begin` sends these events later."""
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
                return reported(message)
            case Reconnect():
                problem = ServiceError(message.reason, code="reconnect", retryable=True)
                return [server_events.error(problem)]
            case VoiceBegan() | WordsHeard() | TurnOver() | TurnDropped():
                return self._on_learner(message)
            case CallWritten(turn_id, piece):
                return self._partner.on_call(turn_id, piece)
            case ReplyBegan() | ReplySent() | ReplyEnded() | TurnTruncated():
                return self._on_partner(message)
            case _:  # a message only for clients of /ws/conversation
                return []

    def _on_learner(self, notice: VoiceBegan | WordsHeard | TurnOver | TurnDropped) -> list[Event]:
        self.idle.stop()
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
                self.idle.stop()
                return self._partner.on_began(notice)
            case ReplySent():
                return self._partner.on_sent(notice)
            case ReplyEnded():
                heard = self._partner.heard
                if notice.outcome == "complete" and heard and heard.item.id == notice.turn_id:
                    self.idle.start(self._buffer.appended_ms)
                events = self._partner.on_ended(notice)
                # If the learner began to speak while the partner was heard, only the learner speaks now.
                return events if self._partner.heard else [*self._learner.on_interruption(), *events]
            case TurnTruncated():
                return self._item_requests.on_truncated(notice)

    # --- silence --------------------------------------------------------------------------------

    def _idle_timeout_ms(self) -> int | None:
        detection = self.config.audio.input.turn_detection
        return detection.idle_timeout_ms if detection else None

    async def _on_idle(self, from_ms: float) -> None:
        """Nobody has spoken for `idle_timeout_ms`: the partner goes on."""
        await self._send(self._learner.on_silence(from_ms, self._buffer.appended_ms))
        with suppress(ClientError):  # a response may have begun just now
            await self._responses.create(ResponseParameters())

    def _elapsed_s(self) -> float:
        return round(self._now() - self._began_s, 3)


def reported(message: ErrorMessage) -> list[Event]:
    """The event for an error of the conversation. A code in NOTICES causes no event: OpenAI's API has nothing like it,
    and Pipecat ends the session at an error that it doesn't know."""
    return [] if message.code in NOTICES else [server_events.error(_problem(message))]


def _problem(message: ErrorMessage) -> ServiceError:
    """The error that a message of /ws/conversation reports."""
    if message.code == TimeUsedUpError.code:
        return TimeUsedUpError(message.message)
    kind = UnavailableError if message.retryable else InvalidInputError
    return kind(message.message, code=message.code)
