"""One trace for each turn, through all processes: OpenTelemetry, off unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

    turn                                    gateway: from the learner's first sound to the partner's last
    ├── asr.utterance                       recognition
    │   ├── asr.decode …
    │   └── asr.end_of_turn …
    └── reply                               gateway
        ├── LlmService/StreamingGenerate    the call in the gateway, and under it the same in the service
        │   └── …  chat.completions         to vLLM, which goes on from there
        ├── TtsService/StreamingSynthesize
        │   └── …  tts.synthesize …
        └── playback

Calls carry the caller's span in gRPC metadata (`traceparent`), and the ids of `common.ids` (`baggage`). Recognition
hears a turn before the gateway does. So recognition chooses the ids of the turn's root span and sends them with
`speech_started`; the gateway's span uses them. No span contains what people say, nor the texts of errors, which may
quote it.

The interceptor of opentelemetry-instrumentation-grpc is not used, because it doesn't know turns. It makes a span for
each call, even for a health check, and for a recognition stream that lasts as long as a session.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.ids import WorkIds, current_ids, working_on

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler

FLUSH_TIMEOUT_S = 2.5  # for all waiting spans, at the end of the process; a single export fails after EXPORT_TIMEOUT_S
EXPORT_TIMEOUT_S = 2  # a missing collector must not delay the end of a process

TRACER = trace.get_tracer("aitalk")

_TRACEPARENT, _BAGGAGE = TraceContextTextMapPropagator(), W3CBaggagePropagator()
_SESSION, _TURN = "session.id", "turn.id"

_chosen_root: ContextVar[SpanContext | None] = ContextVar("chosen_root", default=None)
_sampler: Sampler | None = None
_ids: IdGenerator | None = None


def configure_tracing(service: str, endpoint: str, share: float = 1.0) -> None:
    """Send spans to the OTLP collector (gRPC) at `endpoint`, such as "http://host:4317"; empty: trace nothing.

    share: the share of turns that are traced, 0 to 1, the same in all processes. Call it once, before serving.
    """
    if not endpoint:
        return
    # Imported only here, so that a process without traces doesn't load any of it.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    global _sampler, _ids
    _sampler, _ids = TraceIdRatioBased(share), _chosen_ids()
    provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.namespace": "aitalk"}),
        sampler=ParentBased(_sampler),
        id_generator=_ids,
        shutdown_on_exit=False,  # the SDK's own exit handler waits for each batch: up to 10 s without a collector
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S)))
    trace.set_tracer_provider(provider)
    atexit.register(flush_traces)


def flush_traces() -> None:
    """Send the remaining spans within FLUSH_TIMEOUT_S. Spans that the collector hasn't taken by then are lost.

    A normal exit calls this. A process that ends without Python's own clean-up has to call it.
    """
    if _sampler is None:
        return
    atexit.unregister(flush_traces)  # once is enough
    provider: Any = trace.get_tracer_provider()
    # A thread, because the SDK's own time limit has no effect while a batch is being exported.
    flushing = threading.Thread(target=provider.force_flush, daemon=True)
    flushing.start()
    flushing.join(FLUSH_TIMEOUT_S)


def _chosen_ids() -> IdGenerator:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class ChosenIds(RandomIdGenerator):
        """Random ids, except for a root span whose ids another process has chosen."""

        def generate_trace_id(self) -> int:
            chosen = _chosen_root.get()
            return chosen.trace_id if chosen else super().generate_trace_id()

        def generate_span_id(self) -> int:
            chosen = _chosen_root.get()
            return chosen.span_id if chosen else super().generate_span_id()

    return ChosenIds()


# --- the root of a turn -------------------------------------------------------------------------


def choose_root() -> SpanContext:
    """Choose the ids of a root span that another process will begin. They are invalid if nothing is traced."""
    if _sampler is None or _ids is None:
        return trace.INVALID_SPAN_CONTEXT
    from opentelemetry.sdk.trace.sampling import Decision

    trace_id = _ids.generate_trace_id()
    sampled = _sampler.should_sample(None, trace_id, "turn").decision is Decision.RECORD_AND_SAMPLE
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id, _ids.generate_span_id(), is_remote=True, trace_flags=flags)


def start_root(name: str, traceparent: str = "", *, ago_s: float = 0.0) -> Span:
    """A span that began `ago_s` seconds ago and has no parent. traceparent: its ids, if another process chose them."""
    chosen = span_context(traceparent)
    token = _chosen_root.set(chosen if chosen.is_valid else None)
    try:
        return TRACER.start_span(name, context=Context(), start_time=_nanoseconds_ago(ago_s))
    finally:
        _chosen_root.reset(token)


def span_context(traceparent: str) -> SpanContext:
    """The span that `traceparent` names. It is invalid if `traceparent` is empty or malformed."""
    context = _TRACEPARENT.extract({"traceparent": traceparent}, Context())
    return trace.get_current_span(context).get_span_context()


def to_traceparent(span: SpanContext) -> str:
    """The `traceparent` of a span; empty if the span is invalid."""
    carrier: dict[str, str] = {}
    _TRACEPARENT.inject(carrier, under(span))
    return carrier.get("traceparent", "")


# --- spans --------------------------------------------------------------------------------------


def under(parent: SpanContext | Span) -> Context:
    """A context in which `parent` is the current span."""
    span = parent if isinstance(parent, Span) else NonRecordingSpan(parent)
    return trace.set_span_in_context(span, Context())


@contextmanager
def stage(name: str, parent: Context | None = None, **attributes: Any) -> Iterator[Span]:
    """A span for the length of the block, under `parent` if given, otherwise under the current span. The new span
    doesn't become current."""
    span = TRACER.start_span(name, context=parent, attributes=attributes)
    try:
        yield span
    finally:
        span.end()


def past_stage(name: str, parent: Context, *, ago_s: float) -> None:
    """Record a span that began `ago_s` seconds ago and ends now."""
    TRACER.start_span(name, context=parent, start_time=_nanoseconds_ago(ago_s)).end()


def _nanoseconds_ago(seconds: float) -> int:
    return time.time_ns() - round(seconds * 1e9)


# --- from process to process --------------------------------------------------------------------


def calling(method: str) -> tuple[tuple[tuple[str, str], ...], Span | None]:
    """The metadata of a call to a model server, and its span if the call is part of a trace. The caller ends the span
    together with the call."""
    ids, carrier = current_ids(), dict[str, str]()
    context = baggage.set_baggage(_SESSION, ids.session_id, Context()) if ids.session_id else Context()
    if ids.turn_id:
        context = baggage.set_baggage(_TURN, ids.turn_id, context)
    _BAGGAGE.inject(carrier, context)
    if not trace.get_current_span().get_span_context().is_valid:
        return tuple(carrier.items()), None
    span = TRACER.start_span(method, kind=SpanKind.CLIENT)
    _TRACEPARENT.inject(carrier, under(span))
    return tuple(carrier.items()), span


@contextmanager
def serving(method: str, metadata: Mapping[str, str]) -> Iterator[Span]:
    """Serve a call in the block: with the caller's ids and, if the call is part of a trace, with a current span."""
    context = _BAGGAGE.extract(metadata, Context())
    ids = WorkIds(*(str(baggage.get_baggage(name, context) or "") for name in (_SESSION, _TURN)))
    caller = span_context(metadata.get("traceparent", ""))
    with working_on(ids):
        if not caller.is_valid:
            yield trace.INVALID_SPAN
            return
        with TRACER.start_as_current_span(
            method,
            under(caller),
            SpanKind.SERVER,
            attributes={_SESSION: ids.session_id, _TURN: ids.turn_id},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


def http_headers(span: Span) -> dict[str, str]:
    """HTTP headers with which a server continues the trace of `span`."""
    parent = to_traceparent(span.get_span_context())
    return {"traceparent": parent} if parent else {}
