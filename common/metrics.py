"""Prometheus metrics that all three model servers have, and the naming scheme of all our metrics.

Names: aitalk_<service>_<what>_<unit>, where service is gateway, asr, llm or tts, or `server` for metrics that all three
model servers have. Counters end in _total; times are in seconds. docs/observability.md lists all metrics;
`python -m tests.observability.metrics_table` writes that list.
"""

from __future__ import annotations

from google.protobuf import descriptor_pool
from prometheus_client import Counter, Gauge, Histogram

# Chosen for conversation: a turn feels immediate under 0.5 s and broken over 3 s.
CONVERSATION_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 5.0, 10.0)


def from_zero(counter: Counter, *values: str) -> Counter:
    """`counter`, exported with 0 from the start for these values of its label.

    If a time series only begins with its first event, rate() and increase() don't see that event.
    """
    for value in values:
        counter.labels(value)
    return counter


CALLS = Counter("aitalk_server_calls_total", "Calls ended, by status code.", ["method", "code"])
CALL_SECONDS = Histogram(
    "aitalk_server_call_seconds", "Length of calls.", ["method"], buckets=(*CONVERSATION_BUCKETS_S, 60.0, 600.0)
)
SLOTS_IN_USE = Gauge("aitalk_server_slots_in_use", "Streams being served.", ["service"])
SLOTS = Gauge("aitalk_server_slots", "Streams that can be served at once.", ["service"])
TASKS = Gauge(
    "aitalk_server_tasks",
    "Asyncio tasks of the process. Without calls, their number stays about the same.",
    ["service"],
)
SWEEPS = Counter(
    "aitalk_server_sweeps_total", "Times that the memory of large calls was given back to the system.", ["service"]
)
MODEL_LOAD_SECONDS = Gauge("aitalk_server_model_load_seconds", "Time that the model took to load.", ["service"])


def meter_calls(service: str) -> None:
    """Export the call counters of a gRPC service from zero, so that its first failure is visible. service: the full
    name."""
    for method in descriptor_pool.Default().FindServiceByName(service).methods:
        for code in ("OK", "CANCELLED", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL"):
            CALLS.labels(f"{method.containing_service.name}/{method.name}", code)
