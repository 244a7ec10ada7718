"""One trace for each turn, from the real processes: every stage of it, under the right parent, and no words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.observability.collector import CollectedSpan, Collector, a_collector
from tests.support.audio import cut, resampled, say
from tests.support.learner import Learner, a_learner
from tests.support.mesh import Mesh, running_mesh

SAID = "Yesterday I went to the market with my sister and we bought fresh vegetables."

# name, service, parent; each is in the trace of every spoken turn
STAGES = (
    ("asr.utterance", "asr", "turn"),
    ("asr.decode", "asr", "asr.utterance"),
    ("asr.end_of_turn", "asr", "asr.utterance"),
    ("reply", "gateway", "turn"),
    ("LlmService/StreamingGenerate", "gateway", "reply"),
    ("LlmService/StreamingGenerate", "llm", "LlmService/StreamingGenerate"),
    ("chat.completions", "llm", "LlmService/StreamingGenerate"),
    ("TtsService/StreamingSynthesize", "gateway", "reply"),
    ("TtsService/StreamingSynthesize", "tts", "TtsService/StreamingSynthesize"),
    ("tts.synthesize", "tts", "TtsService/StreamingSynthesize"),
    ("playback", "gateway", "reply"),
)


@dataclass
class Traced:
    mesh: Mesh
    collector: Collector


@pytest.fixture
async def traced(tmp_path: Path) -> AsyncIterator[Traced]:
    """The whole mesh with the bundled models, whose spans come to a collector in the test."""
    async with a_collector() as collector:
        starting = running_mesh(tmp_path, LLM_TEMPERATURE="0", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        mesh = await asyncio.to_thread(starting.__enter__)
        try:
            yield Traced(mesh, collector)
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)


async def speak(learner: Learner) -> str:
    """One spoken turn; returns the text of the reply that was heard to its end."""
    samples, rate = say(SAID)
    pcm = np.concatenate([resampled(samples, rate, 16_000), np.zeros(24_000, np.int16)])
    await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="beginner")
    await learner.send_audio(cut(pcm.tobytes(), 640), pause_s=0.01)
    text, _, over = await learner.hear_reply()
    assert over["type"] == "turn_complete"
    return text


def complete_turns(spans: list[CollectedSpan]) -> list[CollectedSpan]:
    return [span for span in spans if span.name == "turn" and span.attributes.get("outcome") == "complete"]


@pytest.mark.timeout(240)
async def test_a_turn_is_one_trace_of_all_its_stages(traced: Traced) -> None:
    async with a_learner(traced.mesh.ws) as learner:
        reply = await speak(learner)
        await learner.send(type="text", text="Do you like rhubarb?")
        typed_reply, _, _ = await learner.hear_reply(after=len(learner.messages))
        (session,) = {message["session_id"] for message in learner.of("connected")}
        (spoken_over, typed_over) = learner.of("turn_complete")
    await traced.collector.wait_for(lambda spans: len(complete_turns(spans)) == 2)
    await traced.collector.wait_for(lambda spans: sum(one.name == "tts.synthesize" for one in spans) >= 2)
    await asyncio.to_thread(traced.mesh.process.stop)  # what is left is sent at the end
    spans = traced.collector.spans
    spoken, typed = complete_turns(spans)

    assert spoken.attributes["session.id"] == typed.attributes["session.id"] == session
    assert spoken.attributes["turn.id"] == spoken_over["turn_id"]
    assert typed.attributes["turn.id"] == typed_over["turn_id"]
    assert spoken.attributes["level"] == "beginner"
    assert spoken.attributes["latency.first_audio_sent_ms"] == spoken_over["latency_ms"]["first_audio_sent"]

    trace = [span for span in spans if span.trace_id == spoken.trace_id]
    by_id = {span.span_id: span for span in trace}
    assert [span.name for span in trace if not span.parent_id] == ["turn"]
    for span in trace:
        assert not span.parent_id or span.parent_id in by_id, f"{span.name} of {span.service} has no parent"
    found = {(span.name, span.service, by_id[span.parent_id].name) for span in trace if span.parent_id}
    assert set(STAGES) <= found
    assert found <= set(STAGES)
    assert {span.service for span in trace} == {"gateway", "asr", "llm", "tts"}
    for span in trace:
        assert spoken.began_ns <= span.began_ns <= span.ended_ns, span.name
    (generated,) = [one for one in trace if (one.name, one.service) == ("LlmService/StreamingGenerate", "llm")][-1:]
    (synthesised,) = [one for one in trace if (one.name, one.service) == ("TtsService/StreamingSynthesize", "tts")][-1:]
    assert "first_token" in generated.events
    assert "first_audio" in synthesised.events
    assert generated.attributes["turn.id"]

    assert {one.name for one in spans if one.trace_id == typed.trace_id} == {
        name for name, _, _ in STAGES if not name.startswith("asr.")
    } | {"turn"}

    told = " ".join(f"{one.name} {one.attributes} {one.events}" for one in spans)
    for words in (*SAID.split()[-3:], "rhubarb", reply[:20], typed_reply[:20]):
        assert words not in told
