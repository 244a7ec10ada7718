"""The learner's turns as events of the Realtime API. Pure: notices go in, events come out.

    speech_started ─▶ speech_stopped, committed, item added, item done, transcription delta, transcription completed

A client stops its player at `speech_started`. So while the partner is heard and may be interrupted, that event waits
until the learner's voice has interrupted the partner, or the reply is over: a cough or a "mhm" causes no event at all.
Between speech_started and speech_stopped there may be pauses; speech_stopped comes when the turn is over.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.history import LearnerTurn
from gateway.notices import TurnOver, VoiceBegan, WordsHeard
from gateway.openai_common.errors import error_details
from gateway.realtime import server_events
from gateway.realtime.items import Item, Items, new_item_id
from gateway.realtime.server_events import Event
from gateway.realtime.session_config import SessionConfig

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
LEAST_CONFIDENCE = 1e-6  # above 0, so that its logarithm is finite


@dataclass(slots=True)
class _Voice:
    """An open turn of the learner. is_told: speech_started was sent. text: the words that were sent."""

    item_id: str
    began_ms: int
    is_told: bool = False
    text: str = ""


class LearnerSide:
    """The learner's turns of one connection. config: returns the current settings."""

    def __init__(self, items: Items, config: Callable[[], SessionConfig]) -> None:
        self._items = items
        self._config = config
        self._voice: _Voice | None = None
        self._committed: deque[Item] = deque()  # turns that the client has ended, but whose words are not known yet

    @property
    def is_speaking(self) -> bool:
        """Whether recognition has reported an open turn."""
        return self._voice is not None

    def on_voice(self, voice: VoiceBegan, *, partner_is_heard: bool) -> list[Event]:
        """The learner has begun to speak, or goes on speaking."""
        if self._voice is None:
            self._voice = _Voice(voice.turn_id, round(voice.at_s * 1000))
        detection = self._config().audio.input.turn_detection
        may_be_sound = partner_is_heard and detection is not None and detection.interrupt_response
        return [] if may_be_sound else self.on_interruption()

    def on_words(self, heard: WordsHeard) -> list[Event]:
        """New words of the open turn. A transcription session gets them now, other sessions at the end of the turn."""
        voice, config = self._voice, self._config()
        is_wanted = config.type == "transcription" and config.audio.input.transcription is not None
        if not is_wanted or voice is None or not heard.text.startswith(voice.text) or heard.text == voice.text:
            return []
        more, voice.text = heard.text[len(voice.text) :], heard.text
        return [{"type": f"{_TRANSCRIPTION}.delta", "item_id": voice.item_id, "content_index": 0, "delta": more}]

    def on_interruption(self) -> list[Event]:
        """The learner's voice has interrupted the partner, or the partner has fallen silent."""
        if self._voice is None or self._voice.is_told:
            return []
        self._voice.is_told = True
        started = {"audio_start_ms": self._voice.began_ms, "item_id": self._voice.item_id}
        return [{"type": "input_audio_buffer.speech_started", **started}]

    def on_turn_over(self, over: TurnOver) -> list[Event]:
        """The turn is over: its words are known, or recognition has failed."""
        if self._committed and self._committed[0].id == over.turn_id:
            item = self._committed.popleft()
            item.text, item.is_kept = over.turn.text if over.turn else "", over.turn is not None
            return self._transcription(item, over)
        voice, self._voice = self._voice, None
        if over.turn is None and not (voice and voice.is_told):
            return []
        self._voice = voice or _Voice(over.turn_id, round(over.began_s * 1000))
        started = self.on_interruption()
        self._voice = None
        text = over.turn.text if over.turn else ""
        item = Item(over.turn_id, "user", "input_audio", text, is_kept=over.turn is not None)
        stopped = {"audio_end_ms": round(over.ended_s * 1000), "item_id": item.id}
        return [
            *started,
            {"type": "input_audio_buffer.speech_stopped", **stopped},
            *self._commit(item),
            *self._transcription(item, over, told=voice.text if voice else ""),
        ]

    def on_dropped(self) -> list[Event]:
        """The turn was dropped."""
        voice, self._voice = self._voice, None
        if voice is None or not voice.is_told:
            return []
        stopped = {"audio_end_ms": voice.began_ms, "item_id": voice.item_id}
        return [{"type": "input_audio_buffer.speech_stopped", **stopped}]

    def on_commit(self) -> tuple[str, list[Event]]:
        """The client has ended the turn; its words follow later. Returns the id for the turn, and the events."""
        item = Item(new_item_id(), "user", "input_audio", None)
        self._committed.append(item)
        return item.id, self._commit(item)

    def on_silence(self, began_ms: float, ended_ms: float) -> list[Event]:
        """The learner has said nothing for as long as the session allows."""
        item = Item(new_item_id(), "user", "input_audio", "", is_kept=False)
        span = {"audio_start_ms": round(began_ms), "audio_end_ms": round(ended_ms), "item_id": item.id}
        return [{"type": "input_audio_buffer.timeout_triggered", **span}, *self._commit(item)]

    def _commit(self, item: Item) -> list[Event]:
        before = self._items.add(item)
        return [
            {"type": "input_audio_buffer.committed", "previous_item_id": before, "item_id": item.id},
            server_events.item_added(item, before),
            server_events.item_done(item, before),
        ]

    def _transcription(self, item: Item, over: TurnOver, *, told: str = "") -> list[Event]:
        """The events with the words. told: the words that were sent as deltas. If the final words begin differently, no
        more deltas follow."""
        if self._config().audio.input.transcription is None:
            return []
        about = {"item_id": item.id, "content_index": 0}
        if over.failure:
            return [{"type": f"{_TRANSCRIPTION}.failed", **about, "error": error_details(over.failure)}]
        logprobs = {"logprobs": _logprobs(over.turn)} if over.turn and self._config().include else {}
        usage = {"type": "duration", "seconds": round(over.ended_s - over.began_s, 3)}
        text = item.text or ""
        rest = text.removeprefix(told) if text.startswith(told) else ""
        delta = [{"type": f"{_TRANSCRIPTION}.delta", **about, "delta": rest, **logprobs}] if rest else []
        completed = {"transcript": text, "usage": usage, **logprobs}
        return [*delta, {"type": f"{_TRANSCRIPTION}.completed", **about, **completed}]


def _logprobs(turn: LearnerTurn) -> list[dict[str, Any]]:
    """The logarithm of the recogniser's confidence in each word."""
    return [
        {
            "token": word.text,
            "bytes": list(word.text.encode()),
            "logprob": round(math.log(max(word.confidence or 0.0, LEAST_CONFIDENCE)), 4),
        }
        for word in turn.words
    ]
