"""A model server's metrics are exported under our names."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from common.errors import UnavailableError
from llm_service.servers.backend_metrics import FRESH_FOR_S, BackendLoad, BackendLoads, parse_metrics, watch

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 2.0
vllm:num_requests_running{engine="1",model_name="m"} 1.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 3.0
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 3.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
# TYPE vllm:prefix_cache_queries counter
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 100.0
# TYPE vllm:prefix_cache_hits counter
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 64.0
# TYPE vllm:num_preemptions counter
vllm:num_preemptions_total{engine="0",model_name="m"} 1.0
# TYPE vllm:generation_tokens counter
vllm:generation_tokens_total{engine="0",model_name="m"} 500.0
# TYPE vllm:request_success counter
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 9.0
vllm:request_success_total{engine="0",finished_reason="abort",model_name="m"} 4.0
"""
LLAMA = """\
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 30
# TYPE llamacpp:prompt_tokens_cached_total counter
llamacpp:prompt_tokens_cached_total 70
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 12
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 2
"""


def test_vllm() -> None:
    assert parse_metrics(VLLM) == BackendLoad(
        waiting=3,
        running=3,
        kv_cache_usage_ratio=0.75,
        prefix_cache_queries=100,
        prefix_cache_hits=64,
        generated=500,
        preemptions=1,
        aborted=4,
    )


def test_llama_cpp() -> None:
    assert parse_metrics(LLAMA) == BackendLoad(
        waiting=2, running=1, prefix_cache_queries=100, prefix_cache_hits=70, generated=12
    )


def test_a_server_with_other_metrics_tells_nothing() -> None:
    assert parse_metrics("process_cpu_seconds_total 3\n") == BackendLoad()
    with pytest.raises(ValueError):  # noqa: PT011  # the parser of prometheus_client raises no other error
        parse_metrics("<html>no metrics</html>")


def test_reported_metrics_are_exported_until_they_are_too_old() -> None:
    now = [0.0]
    loads = BackendLoads(now=lambda: now[0])
    registry = CollectorRegistry()
    registry.register(loads)
    loads.set("vllm", parse_metrics(VLLM))
    loads.set("gpu2:8000", parse_metrics(LLAMA))
    exported = generate_latest(registry).decode()
    assert 'aitalk_llm_backend_waiting{backend="vllm"} 3.0' in exported
    assert 'aitalk_llm_backend_aborted_total{backend="vllm"} 4.0' in exported
    assert 'aitalk_llm_backend_prefix_cache_hits_tokens_total{backend="gpu2:8000"} 70.0' in exported
    assert 'aitalk_llm_backend_aborted_total{backend="gpu2:8000"}' not in exported  # this server does not report it
    now[0] = FRESH_FOR_S + 1
    assert loads.fresh("vllm") is None
    assert "backend=" not in generate_latest(registry).decode()


async def test_a_server_without_metrics_is_asked_again_and_forgotten_at_the_end() -> None:
    loads, asked = BackendLoads(), asyncio.Event()

    async def fetch() -> str:
        if loads.fresh("one"):
            asked.set()
            raise UnavailableError("away")
        return LLAMA

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch("one", fetch, loads))
        await asked.wait()
        assert loads.fresh("one") == parse_metrics(LLAMA)
        watching.cancel()
    assert loads.fresh("one") is None
