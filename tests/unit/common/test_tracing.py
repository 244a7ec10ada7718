"""Ids and traces across processes. Without a collector, traces cost nothing."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys

import httpx
import pytest
from opentelemetry import trace

from common.ids import WorkIds, current_ids, session_renamed, working_on
from common.logs import JsonFormatter, TextFormatter
from common.tracing import calling, choose_root, serving, span_context, to_traceparent
from llm_service.engine import GenerationRequest, Message
from llm_service.openai_api.openai_engine import OpenAiEngine

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


def record() -> logging.LogRecord:
    return logging.LogRecord("gateway.reply.floor_control", logging.INFO, __file__, 1, "reply %s", ("complete",), None)


def test_the_ids_of_session_and_turn_go_with_a_call() -> None:
    with working_on(WorkIds("a session,with=odd;signs", "t1")):
        sent = dict(calling("LlmService/Generate")[0])
    with serving("LlmService/Generate", sent):
        assert current_ids() == WorkIds("a session,with=odd;signs", "t1")
    assert current_ids() == WorkIds()


def test_a_call_of_nobodys_work_carries_nothing() -> None:
    assert calling("LlmService/Generate") == ((), None)
    with serving("LlmService/Generate", {}):
        assert current_ids() == WorkIds()


def test_a_session_that_is_carried_on_goes_by_its_old_id_at_once() -> None:
    with working_on(WorkIds("new")) as ids:
        session_renamed("old")
        assert ids.session_id == "old"
    session_renamed("nobody's")
    assert current_ids() == WorkIds()


def test_a_trace_goes_through_a_process_that_traces_nothing() -> None:
    with serving("LlmService/Generate", {"traceparent": TRACEPARENT}):
        assert TRACE_ID in dict(calling("another")[0])["traceparent"]


@pytest.mark.parametrize("broken", ["", "00", f"00-{'0' * 32}-{SPAN_ID}-01", "words words words"])
def test_a_broken_trace_context_is_none(broken: str) -> None:
    with serving("LlmService/Generate", {"traceparent": broken}):
        assert calling("another") == ((), None)
    assert to_traceparent(span_context(broken)) == ""


def test_a_trace_context_survives_being_written_and_read() -> None:
    assert to_traceparent(span_context(TRACEPARENT)) == TRACEPARENT


def test_without_a_collector_no_root_is_chosen() -> None:
    assert choose_root() == trace.INVALID_SPAN_CONTEXT
    assert to_traceparent(choose_root()) == ""


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; from common.process import observe; from common.settings import ProcessSettings;"
        "observe('asr', ProcessSettings(_env_file=None));"
        "import asr_service.session, gateway.reply.floor_control, llm_service.service;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_collector_that_is_away_delays_the_end_by_one_time_limit() -> None:
    """The queue is full of spans. It holds several batches, each of which would wait for the exporter's time limit."""
    code = (
        "import sys, time; from common.tracing import FLUSH_TIMEOUT_S, TRACER, configure_tracing, flush_traces;"
        "configure_tracing('gateway', sys.argv[1]);"
        "[TRACER.start_span('turn').end() for _ in range(3000)];"
        "began = time.monotonic(); flush_traces(); print((time.monotonic() - began) / FLUSH_TIMEOUT_S)"
    )
    with socket.create_server(("127.0.0.1", 0)) as hung:
        command = [sys.executable, "-c", code, f"http://127.0.0.1:{hung.getsockname()[1]}"]
        ended = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60, check=True)
    assert 0 < float(ended.stdout) < 2


async def test_the_request_to_the_model_server_carries_the_trace_and_no_ids() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        events = '{"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}'
        return httpx.Response(
            200, text=f"data: {events}\n\ndata: [DONE]\n\n", headers={"content-type": "text/event-stream"}
        )

    engine = OpenAiEngine("http://model/v1", model="m", transport=httpx.MockTransport(answer))
    request = GenerationRequest((Message("user", "Hello"),), max_tokens=1, temperature=0.0)
    with serving("LlmService/Generate", {"traceparent": TRACEPARENT, "baggage": "session.id=s1"}):
        assert [event async for event in engine.stream(request)]
    assert [event async for event in engine.stream(request)]
    traced, untraced = asked
    assert TRACE_ID in traced.headers["traceparent"]
    assert "baggage" not in traced.headers
    assert "traceparent" not in untraced.headers
    await engine.close()


def test_a_line_has_the_ids_of_its_work() -> None:
    with serving("x", {"traceparent": TRACEPARENT, "baggage": "session.id=s1,turn.id=t1"}):
        line = json.loads(JsonFormatter("gateway").format(record()))
        text = TextFormatter().format(record())
    assert line | {"time": ""} == {
        "time": "",
        "level": "INFO",
        "logger": "gateway.reply.floor_control",
        "service": "gateway",
        "message": "reply complete",
        "session_id": "s1",
        "turn_id": "t1",
        "trace_id": TRACE_ID,
    }
    assert text.endswith(
        f"INFO    gateway.reply.floor_control reply complete  [session_id=s1 turn_id=t1 trace_id={TRACE_ID}]"
    )


def test_a_line_about_nobody_has_none() -> None:
    assert "session_id" not in json.loads(JsonFormatter("asr").format(record()))
    assert TextFormatter().format(record()).endswith("reply complete")


def test_an_error_stays_on_one_line_of_json() -> None:
    try:
        raise ValueError("two\nlines")  # noqa: TRY301
    except ValueError:
        failed = record()
        failed.exc_info = sys.exc_info()
    written = JsonFormatter("asr").format(failed)
    assert "\n" not in written
    assert json.loads(written)["error"].endswith("ValueError: two\nlines")
