"""Has the partner offer help after a silence that is long for this learner."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway import metrics
from gateway.conversation.learner_silence import LearnerSilence
from gateway.conversation_record import ConversationRecord
from gateway.ports import Patience
from gateway.reply.floor_control import FloorControl
from gateway.reply.help import help_is_due_after_s, offer
from gateway.reply.turn_machine import PartnerBegins


class HelpOffers:
    """The offers of one conversation. help_after_s: see `SessionOptions`. now: the time in seconds, on any clock."""

    def __init__(
        self,
        record: ConversationRecord,
        help_after_s: float,
        *,
        patience: Callable[[], Patience],
        now: Callable[[], float],
    ) -> None:
        self._record = record
        self._help_after_s = help_after_s
        self._patience = patience
        self._now = now
        self._silence = LearnerSilence()

    def observe(self, *, is_silent: bool) -> None:
        """Note an event. is_silent: whether nobody speaks after it, and the learner has a microphone."""
        self._silence.observe(self._record.turns, nobody_speaks=is_silent, now_s=self._now())

    def due_in_s(self) -> float:
        """Seconds until the partner offers help, if nothing happens until then; `inf`: it offers none."""
        turns, patience = self._record.turns, self._patience()
        longest_s = help_is_due_after_s(
            self._help_after_s, patience=patience.factor, usual_pause_ms=patience.usual_pause_ms
        )
        ends_at_s = self._silence.ends_at_s(turns, longest_s)
        return math.inf if ends_at_s is None else max(0.0, ends_at_s - self._now())

    async def offer(self, floor: FloorControl) -> None:
        """Have the partner offer help now, if there is a text for it in this language."""
        turns = self._record.turns
        self._silence.note_offer(turns)
        if text := offer(self._record.state, turns):
            metrics.HELP_OFFERS.inc()
            await floor.on(PartnerBegins(text, is_offer=True))
