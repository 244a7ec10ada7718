"""What Prometheus learns of the language model."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from common.metrics import CONVERSATION_BUCKETS_S, from_zero

FIRST_TOKEN_SECONDS = Histogram(
    "aitalk_llm_first_token_seconds",
    "From a request to the first text: of a reply (StreamingGenerate), or of an analysis (Generate).",
    ["method"],
    buckets=CONVERSATION_BUCKETS_S,
)
TOKENS = from_zero(
    Counter("aitalk_llm_tokens_total", "Tokens, as the model server counts them.", ["kind"]),
    *("prompt", "completion", "cached"),
)
SERVER_RESTARTS = Counter("aitalk_llm_server_restarts_total", "Times the supervised model server was started anew.")
CANCELLED = Counter("aitalk_llm_cancelled_total", "Replies cancelled by the client before their end.")
