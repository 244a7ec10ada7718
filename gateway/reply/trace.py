"""The trace of one turn: the root span, and one span for each reply to the turn.

    turn ──┬── reply   begun in a pause after which the learner went on: discarded
           └── reply   released, and heard to its end
                 └── playback

Spans contain ids, the level, outcomes and latencies, and never what was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import Status, StatusCode, use_span

from common.ids import WorkIds, working_on
from common.tracing import TRACER, past_stage, start_root, under


class TurnTrace:
    """The trace of a turn. It began `ago_s` ago with the learner's voice. Without a voice, it begins now: a typed text,
    or a reply that answers no turn.

    traceparent: identifies the trace that recognition has begun for this turn; otherwise empty.
    """

    def __init__(self, session_id: str, level: str, *, traceparent: str = "", ago_s: float = 0.0) -> None:
        self.session_id = session_id
        self.is_answered = False
        self.root = start_root("turn", traceparent, ago_s=ago_s)
        self.root.set_attributes({"session.id": session_id, "level": level})

    def reply(self, turn_id: str) -> ReplyTrace:
        """The trace of a reply to this turn. The reply begins now."""
        return ReplyTrace(self, turn_id)

    def close(self, outcome: str, *, turn_id: str = "", latency_ms: Mapping[str, float] | None = None) -> None:
        """The turn is over. outcome: complete, interrupted or failed; no_words, lost or left if it had no reply."""
        if turn_id:
            self.root.set_attribute("turn.id", turn_id)
        self.root.set_attribute("outcome", outcome)
        self.root.set_attributes({f"latency.{stage}_ms": ms for stage, ms in (latency_ms or {}).items()})
        if outcome == "failed":
            self.root.set_status(Status(StatusCode.ERROR))
        self.root.end()


class ReplyTrace:
    """The span of one reply."""

    def __init__(self, turn: TurnTrace, turn_id: str) -> None:
        self.turn = turn
        self._turn_id = turn_id
        self._span = TRACER.start_span("reply", under(turn.root))
        self._span.set_attributes({"session.id": turn.session_id, "turn.id": turn_id})

    @contextmanager
    def current(self) -> Iterator[None]:
        """Calls and log lines within the block belong to this span."""
        ids = WorkIds(self.turn.session_id, self._turn_id)
        with working_on(ids), use_span(self._span, record_exception=False, set_status_on_exception=False):
            yield

    def end(self, outcome: str, latency_ms: Mapping[str, float], *, playing_s: float | None = None) -> None:
        """The reply is over. So is the turn, unless the reply was discarded.

        playing_s: seconds since its first audio was sent; None if no audio was sent.
        """
        if playing_s is not None:
            past_stage("playback", under(self._span), ago_s=playing_s)
        self._span.set_attribute("outcome", outcome)
        self._span.end()
        if outcome != "discarded":
            self.turn.close(outcome, turn_id=self._turn_id, latency_ms=latency_ms)
