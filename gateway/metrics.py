"""The gateway's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import CONVERSATION_BUCKETS_S

SESSIONS = Gauge("aitalk_gateway_sessions", "Conversations connected now.")
TURNS = Counter("aitalk_gateway_turns_total", "Replies ended: complete, interrupted, failed or discarded.", ["outcome"])
FALSE_ALARMS = Counter(
    "aitalk_gateway_false_interruptions_total", "Sounds over the partner's voice that were no words.", ["reply"]
)
STAGE_SECONDS = Histogram(
    "aitalk_gateway_stage_seconds",
    "From the learner's last sound to each stage of the reply.",
    ["stage"],
    buckets=CONVERSATION_BUCKETS_S,
)
ERRORS = Counter("aitalk_gateway_errors_total", "Error messages sent to learners.", ["code"])
AUDIO_SECONDS = Counter("aitalk_gateway_audio_seconds_total", "Learners' audio decoded.")
ANALYSES = Counter("aitalk_gateway_analyses_total", "Analyses sent: whole, or with parts missing.", ["outcome"])
