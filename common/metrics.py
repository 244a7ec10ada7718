"""Prometheus metrics that all processes share. Names: aitalk_<what>_<unit>; labels: service, method, code."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# Chosen for conversation: a turn feels immediate under 0.5 s and broken over 3 s.
CONVERSATION_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 5.0, 10.0)

RPC_HANDLED = Counter("aitalk_rpc_handled_total", "Calls ended, by status code.", ["method", "code"])
RPC_SECONDS = Histogram(
    "aitalk_rpc_seconds", "Length of calls.", ["method"], buckets=(*CONVERSATION_BUCKETS_S, 60.0, 600.0)
)
SLOTS_IN_USE = Gauge("aitalk_slots_in_use", "Streams being served.", ["service"])
SLOTS_TOTAL = Gauge("aitalk_slots", "Streams that can be served at once.", ["service"])
MODEL_LOAD_SECONDS = Gauge("aitalk_model_load_seconds", "Time that the model took to load.", ["service"])
