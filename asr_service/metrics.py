"""Prometheus metrics of speech recognition."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from common.metrics import CONVERSATION_BUCKETS_S

DECODE_SECONDS = Histogram(
    "aitalk_asr_decode_seconds", "Time in the model for one decode.", ["kind"], buckets=CONVERSATION_BUCKETS_S
)
AUDIO_SECONDS = Counter("aitalk_asr_audio_seconds_total", "Audio received.")
REAL_TIME_FACTOR = Histogram(
    "aitalk_asr_real_time_factor",
    "Time in the model for a final decode, per second of audio.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0),
)
TURNS = Counter("aitalk_asr_turns_total", "Turns ended.", ["reason"])
TURN_MODEL_SECONDS = Histogram(
    "aitalk_asr_turn_model_seconds", "Time in the turn detection model for one pause.", buckets=CONVERSATION_BUCKETS_S
)
