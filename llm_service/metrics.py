"""Prometheus metrics of the language model."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import CONVERSATION_BUCKETS_S, from_zero
from llm_service.reply_guard import Outcome

FIRST_TOKEN_SECONDS = Histogram(
    "aitalk_llm_first_token_seconds",
    "From a request to the first text of the answer. `method`: StreamingGenerate for a reply, Generate for any other "
    "answer, such as an analysis.",
    ["method"],
    buckets=CONVERSATION_BUCKETS_S,
)
TOKENS = from_zero(
    Counter("aitalk_llm_tokens_total", "Tokens, as the model server counts them.", ["kind"]),
    *("prompt", "completion", "cached"),
)
SERVER_RESTARTS = Counter(
    "aitalk_llm_server_restarts_total", "Times that the supervised model server was started again."
)
GUARDED = from_zero(
    Counter(
        "aitalk_llm_guarded_total",
        "Replies that the guard ended: repeated (itself), recited (an earlier reply), both_sides (it wrote the "
        "learner's words), long (most of its tokens were used, or it reached its last sentence or its question).",
        ["outcome"],
    ),
    *(outcome.value for outcome in Outcome),
)
ODDITIES = from_zero(
    Counter(
        "aitalk_llm_reply_oddities_total",
        "Output of a model server that is not part of a reply: thoughts, control tokens, and what was not understood "
        "(skipped).",
        ["kind"],
    ),
    *("thoughts", "control", "skipped"),
)
SHORTENED = Counter(
    "aitalk_llm_shortened_total", "Requests whose oldest messages were left out because the context was full."
)
PROMPTS_READ_ON = Counter(
    "aitalk_llm_prompts_read_on_total", "Prompts that llama.cpp read to their end although the request was given up."
)
TOOL_CALLS = Counter("aitalk_llm_tool_calls_total", "Calls of tools by the model.")
CANCELLED = Counter("aitalk_llm_cancelled_total", "Replies cancelled by the client before their end.")

# Metrics about a model server behind the service. The server's own metrics are in backend_metrics.py.
BACKEND_UP = Gauge("aitalk_llm_backend_up", "Whether the model server answers: 1 or 0.", ["backend"])
BACKEND_IN_FLIGHT = Gauge(
    "aitalk_llm_backend_in_flight", "Requests of this service that the model server is working on.", ["backend"]
)
BACKEND_EJECTED = Counter(
    "aitalk_llm_backend_ejected_total",
    "Times that the model server failed and got no more requests until it answered a probe.",
    ["backend"],
)
BACKEND_HABITS = Gauge(
    "aitalk_llm_backend_habits",
    "1 for each peculiarity of the model server that the service adapts to, such as a refused parameter.",
    ["backend", "habit"],
)
BACKEND_FAILOVERS = Counter(
    "aitalk_llm_backend_failovers_total",
    "Requests sent to another model server because this one failed before the first token.",
    ["backend"],
)
