"""Prometheus metrics of speech recognition."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import CONVERSATION_BUCKETS_S, from_zero

DECODE_SECONDS = Histogram(
    "aitalk_asr_decode_seconds", "Time in the model for one batch of decodes.", ["kind"], buckets=CONVERSATION_BUCKETS_S
)
BATCH_SIZE = Histogram(
    "aitalk_asr_batch_size", "Decodes run as one batch.", ["kind"], buckets=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
)
QUEUE_SECONDS = Histogram(
    "aitalk_asr_queue_seconds",
    "Time that a decode waited for the model.",
    ["kind"],
    buckets=(0.001, 0.005, 0.01, 0.025, *CONVERSATION_BUCKETS_S),
)
BACKLOG = Gauge("aitalk_asr_backlog", "Decodes that wait for the model.")
PREEMPTED = Counter(
    "aitalk_asr_preempted_partials_total", "Partials that were stopped to make room for the end of a turn."
)
PAUSE_PARTIALS = Counter(
    "aitalk_asr_pause_partials_total", "Partials sent in a pause after which the turn probably goes on."
)
AUDIO_SECONDS = Counter("aitalk_asr_audio_seconds_total", "Audio received.")
REAL_TIME_FACTOR = Histogram(
    "aitalk_asr_real_time_factor",
    "Time in the model for a batch of final decodes, per second of their audio.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0),
)
TURNS = from_zero(Counter("aitalk_asr_turns_total", "Turns ended.", ["reason"]), "silence", "max_length", "finished")
VERBATIM_TURNS = from_zero(
    Counter(
        "aitalk_asr_verbatim_turns_total",
        "Turns to be checked for hesitations or mistakes: changed, same, or dropped when busy.",
        ["outcome"],
    ),
    "changed",
    "same",
    "dropped",
)
VERBATIM_SECONDS = Histogram(
    "aitalk_asr_verbatim_seconds",
    "Time to compare one turn's words with its sound, to find mistakes; without the waits before.",
    buckets=CONVERSATION_BUCKETS_S,
)
TURN_MODEL_SECONDS = Histogram(
    "aitalk_asr_turn_model_seconds", "Time in the turn detection model for one pause.", buckets=CONVERSATION_BUCKETS_S
)
TEXT_MODEL_SECONDS = Histogram(
    "aitalk_asr_text_model_seconds", "Time in the language model for one pause.", buckets=CONVERSATION_BUCKETS_S
)
TURN_MODEL_SKIPPED = Counter(
    "aitalk_asr_turn_model_skipped_total",
    "Pauses in which the words alone decided, so that the turn detection model was not asked.",
)
