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

Calls carry the caller's span in gRPC metadata (`traceparent`), and the ids of `common.ids` (`baggage`). A turn begins
before the gateway knows of it: recognition chooses the ids of its root, tells them with `speech_started`, and the
gateway's span takes them (`chosen_root`). Words stand in no span; nor do errors' texts, which may quote them.

The interceptor of opentelemetry-instrumentation-grpc is not used: it makes a span for each call, health checks and
session-long recognition streams included, and knows nothing of what a turn is.
"""

from __future__ import annotations

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

FLUSH_TIMEOUT_MS = 2_000

TRACER = trace.get_tracer("aitalk")

_TRACEPARENT, _BAGGAGE = TraceContextTextMapPropagator(), W3CBaggagePropagator()
_SESSION, _TURN = "session.id", "turn.id"

_chosen_root: ContextVar[SpanContext | None] = ContextVar("chosen_root", default=None)
_sampler: Sampler | None = None
_ids: IdGenerator | None = None


def configure_tracing(service: str, endpoint: str, share: float = 1.0) -> None:
    """Send spans to the OTLP collector (gRPC) at `endpoint`, "http://host:4317"; empty: trace nothing.

    share: of turns that are traced, 0 to 1; give all processes the same. Call once, before anything is served.
    """
    if not endpoint:
        return
    # Only here: whoever traces nothing neither loads nor runs any of it.
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
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)  # at a normal exit it sends what is left


def flush_traces() -> None:
    """Send what has not been sent; for a process that ends without Python's own clean-up."""
    provider: Any = trace.get_tracer_provider()
    if _sampler is not None:
        provider.force_flush(FLUSH_TIMEOUT_MS)


def _chosen_ids() -> IdGenerator:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class ChosenIds(RandomIdGenerator):
        """Random, but for a root whose ids were chosen elsewhere."""

        def generate_trace_id(self) -> int:
            chosen = _chosen_root.get()
            return chosen.trace_id if chosen else super().generate_trace_id()

        def generate_span_id(self) -> int:
            chosen = _chosen_root.get()
            return chosen.span_id if chosen else super().generate_span_id()

    return ChosenIds()


# --- the root of a turn -------------------------------------------------------------------------


def choose_root() -> SpanContext:
    """The ids of a span that another process will begin; invalid if nothing is traced."""
    if _sampler is None or _ids is None:
        return trace.INVALID_SPAN_CONTEXT
    from opentelemetry.sdk.trace.sampling import Decision

    trace_id = _ids.generate_trace_id()
    sampled = _sampler.should_sample(None, trace_id, "turn").decision is Decision.RECORD_AND_SAMPLE
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id, _ids.generate_span_id(), is_remote=True, trace_flags=flags)


def start_root(name: str, traceparent: str = "", *, ago_s: float = 0.0) -> Span:
    """A span with no parent that began so many seconds ago; `traceparent`: its ids, if they were chosen elsewhere."""
    chosen = span_context(traceparent)
    token = _chosen_root.set(chosen if chosen.is_valid else None)
    try:
        return TRACER.start_span(name, context=Context(), start_time=_nanoseconds_ago(ago_s))
    finally:
        _chosen_root.reset(token)


def span_context(traceparent: str) -> SpanContext:
    """What a `traceparent` names; invalid if it is empty or broken."""
    context = _TRACEPARENT.extract({"traceparent": traceparent}, Context())
    return trace.get_current_span(context).get_span_context()


def to_traceparent(span: SpanContext) -> str:
    """Empty if there is no such span."""
    carrier: dict[str, str] = {}
    _TRACEPARENT.inject(carrier, under(span))
    return carrier.get("traceparent", "")


# --- spans --------------------------------------------------------------------------------------


def under(parent: SpanContext | Span) -> Context:
    """The context of a span whose parent is `parent`, whatever is current."""
    span = parent if isinstance(parent, Span) else NonRecordingSpan(parent)
    return trace.set_span_in_context(span, Context())


@contextmanager
def stage(name: str, parent: Context | None = None, **attributes: Any) -> Iterator[Span]:
    """A span for the length of the block, not made current; under the current one unless a parent is given."""
    span = TRACER.start_span(name, context=parent, attributes=attributes)
    try:
        yield span
    finally:
        span.end()


def past_stage(name: str, parent: Context, *, ago_s: float) -> None:
    """A span that began so many seconds ago and ends now."""
    TRACER.start_span(name, context=parent, start_time=_nanoseconds_ago(ago_s)).end()


def _nanoseconds_ago(seconds: float) -> int:
    return time.time_ns() - round(seconds * 1e9)


# --- from process to process --------------------------------------------------------------------


def calling(method: str) -> tuple[tuple[tuple[str, str], ...], Span | None]:
    """A call to a model server: the metadata to send, and if it is part of a trace its span, to be ended with it."""
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
    """A call from elsewhere: its ids, and if it is part of a trace a span, current for the length of the block."""
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
    """The headers by which a server reached over HTTP goes on with the trace of `span`."""
    parent = to_traceparent(span.get_span_context())
    return {"traceparent": parent} if parent else {}
