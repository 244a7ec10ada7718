"""The metrics of vLLM and llama.cpp under our names, read from the server's /metrics every two seconds.

    vllm:num_requests_waiting{…} 3  ──► BackendLoad(waiting=3, …) ──► aitalk_llm_backend_waiting{backend="vllm"} 3

They show what our own metrics can't: the load from other clients of the same server, and how full the server's cache
is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, fields

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from common.errors import ServiceError

logger = logging.getLogger(__name__)

SCRAPE_INTERVAL_S = 2.0
FRESH_FOR_S = 3 * SCRAPE_INTERVAL_S


@dataclass(frozen=True, slots=True)
class BackendLoad:
    """A server's report about itself. None: not reported. Counters start from 0 when the server starts."""

    waiting: float | None = None
    running: float | None = None
    kv_cache_usage_ratio: float | None = None
    prefix_cache_queries: float | None = None
    prefix_cache_hits: float | None = None
    generated: float | None = None
    preemptions: float | None = None
    aborted: float | None = None


_HELP = {
    "waiting": "Requests in the model server's queue, whoever sent them.",
    "running": "Requests that the model server is working on, whoever sent them.",
    "kv_cache_usage_ratio": "Share of the model server's KV cache in use, 0 to 1.",
    "prefix_cache_queries": "Prompt tokens looked up in the model server's prefix cache.",
    "prefix_cache_hits": "Prompt tokens found in the model server's prefix cache.",
    "generated": "Tokens that the model server has written.",
    "preemptions": "Requests that the model server preempted because its KV cache was full.",
    "aborted": "Requests aborted in the model server, for example after an interruption.",
}
_GAUGES = {"waiting", "running", "kv_cache_usage_ratio"}
_UNITS = {"prefix_cache_queries": "_tokens", "prefix_cache_hits": "_tokens", "generated": "_tokens"}


def parse_metrics(text: str) -> BackendLoad:
    """Parse a server's /metrics. Raises ValueError if they aren't in Prometheus's format.

    vLLM may run several engines (data parallel). Then counts are added up, and the fullest cache is reported.
    """
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name
            if sample.labels.get("finished_reason"):
                name += f"/{sample.labels['finished_reason']}"
            found.setdefault(name, []).append(sample.value)

    def total(*names: str) -> float | None:
        values = [value for name in names for value in found.get(name, ())]
        return sum(values) if values else None

    return BackendLoad(
        waiting=total("vllm:num_requests_waiting", "llamacpp:requests_deferred"),
        running=total("vllm:num_requests_running", "llamacpp:requests_processing"),
        kv_cache_usage_ratio=max(found.get("vllm:kv_cache_usage_perc", ()), default=None),
        prefix_cache_queries=total(
            "vllm:prefix_cache_queries_total", "llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total"
        ),
        prefix_cache_hits=total("vllm:prefix_cache_hits_total", "llamacpp:prompt_tokens_cached_total"),
        generated=total("vllm:generation_tokens_total", "llamacpp:tokens_predicted_total"),
        preemptions=total("vllm:num_preemptions_total"),
        aborted=total("vllm:request_success_total/abort"),
    )


class BackendLoads(Collector):
    """Exports the latest load of each server, whose name is the label `backend`.

    A load older than FRESH_FOR_S is left out.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._latest: dict[str, tuple[float, BackendLoad]] = {}

    def set(self, backend: str, load: BackendLoad) -> None:
        """Record what the server reports now."""
        self._latest[backend] = (self._now(), load)

    def forget(self, backend: str) -> None:
        """Stop exporting the server's load."""
        self._latest.pop(backend, None)

    def fresh(self, backend: str) -> BackendLoad | None:
        """The server's load, if it was reported in the last six seconds; otherwise None."""
        at, load = self._latest.get(backend, (float("-inf"), None))
        return load if self._now() - at <= FRESH_FOR_S else None

    def collect(self) -> Iterator[Metric]:
        """The latest loads as metrics, for Prometheus' registry."""
        backends = list(self._latest)  # Prometheus calls this from another thread
        loads = {backend: load for backend in backends if (load := self.fresh(backend))}
        for field in fields(BackendLoad):
            yield _family(field.name, {backend: getattr(load, field.name) for backend, load in loads.items()})


def _family(field: str, values: dict[str, float | None]) -> Metric:
    kind = GaugeMetricFamily if field in _GAUGES else CounterMetricFamily
    family = kind(f"aitalk_llm_backend_{field}{_UNITS.get(field, '')}", _HELP[field], labels=["backend"])
    for backend, value in values.items():
        if value is not None:
            family.add_metric([backend], value)
    return family


LOADS = BackendLoads()
REGISTRY.register(LOADS)


async def watch(backend: str, fetch: Callable[[], Awaitable[str]], loads: BackendLoads = LOADS) -> None:
    """Keep `loads` up to date from `fetch`, which reads a server's /metrics, until cancelled."""
    try:
        while True:
            try:
                loads.set(backend, parse_metrics(await fetch()))
            except (ServiceError, ValueError) as error:
                logger.debug("no metrics of the model server %s: %s", backend, error)
            await asyncio.sleep(SCRAPE_INTERVAL_S)
    finally:
        loads.forget(backend)
