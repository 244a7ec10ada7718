"""The gateway's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import CONVERSATION_BUCKETS_S

SESSIONS = Gauge("aitalk_gateway_sessions", "Conversations connected now.")
TURNS = Counter("aitalk_gateway_turns_total", "Replies ended: complete, interrupted, failed or discarded.", ["outcome"])
FALSE_ALARMS = Counter(
    "aitalk_gateway_false_interruptions_total", "Sounds over the partner's voice that were no words.", ["reply"]
)
EAGER_REPLIES = Counter(
    "aitalk_gateway_eager_replies_total", "Replies begun in a pause: used, wasted, or not begun for load.", ["outcome"]
)
WASTED_CHARACTERS = Counter("aitalk_gateway_wasted_characters_total", "Text of replies that were never let out.")
WASTED_AUDIO_SECONDS = Counter("aitalk_gateway_wasted_audio_seconds_total", "Speech made for them.")
STAGE_SECONDS = Histogram(
    "aitalk_gateway_stage_seconds",
    "From the learner's last sound to each stage of the reply.",
    ["stage"],
    buckets=CONVERSATION_BUCKETS_S,
)
ERRORS = Counter("aitalk_gateway_errors_total", "Error messages sent to learners.", ["code"])
AUDIO_SECONDS = Counter("aitalk_gateway_audio_seconds_total", "Learners' audio decoded.")
RECOVERIES = Counter(
    "aitalk_gateway_recoveries_total",
    "Streams to a model that broke and were opened again, by service and moment: in_turn or between_turns.",
    ["service", "moment"],
)
ANALYSES = Counter("aitalk_gateway_analyses_total", "Analyses sent: whole, or with parts missing.", ["outcome"])
