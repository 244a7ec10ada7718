"""Which model server gets a request: the least loaded of those that answer."""

from __future__ import annotations

from llm_service.openai_api.openai_engine import OpenAiEngine
from llm_service.servers.backend_metrics import LOADS, BackendLoad
from llm_service.servers.backends import Backend, least_loaded


def backend(name: str, *, in_flight: int = 0, healthy: bool = True, last_asked: int = 0) -> Backend:
    made = Backend(OpenAiEngine(f"http://user:secret@{name}/v1", model="m"))
    made.engine.ready, made.in_flight, made.last_asked = healthy, in_flight, last_asked
    return made


def test_a_name_holds_no_password() -> None:
    assert backend("gpu1:8000").name == "gpu1:8000"


def test_the_least_loaded_of_those_that_answer() -> None:
    busy, idle, away = backend("a", in_flight=2), backend("b", in_flight=1), backend("c", healthy=False)
    assert least_loaded([busy, idle, away]) is idle
    assert least_loaded([busy, away]) is busy
    assert least_loaded([away]) is away
    assert least_loaded([]) is None


def test_equals_take_turns() -> None:
    first, second = backend("a", last_asked=2), backend("b", last_asked=1)
    assert least_loaded([first, second]) is second


def test_a_queue_is_load() -> None:
    queued, working = backend("queued:1"), backend("working:1", in_flight=3)
    LOADS.set("queued:1", BackendLoad(waiting=4))
    try:
        assert least_loaded([queued, working]) is working
    finally:
        LOADS.forget("queued:1")
    assert least_loaded([queued, working]) is queued
