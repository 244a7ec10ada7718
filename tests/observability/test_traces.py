"""Each turn has one trace across the real processes, with every stage under the right parent. No trace contains what
was said."""

from __future__ import annotations

import asyncio

import pytest

from tests.observability.collector import CollectedSpan
from tests.observability.observed import Conversation, Observed, interrupt
from tests.support.learner import a_learner

# (name, service, parent) of the spans in the trace of every spoken turn
STAGES = {
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
}


@pytest.fixture(scope="module")
def turns(observed: Observed, conversation: Conversation) -> list[list[CollectedSpan]]:
    """The spans of the spoken turn, and those of the typed one; the root is the first of each."""
    del conversation  # needed only because it must have been held
    wanted = {(name, service) for name, service, _ in STAGES} | {("turn", "gateway")}

    def all_came(spans: list[CollectedSpan]) -> bool:
        roots = _complete(spans)
        return len(roots) == 2 and all(
            {(one.name, one.service) for one in spans if one.trace_id == root.trace_id}
            >= {(name, service) for name, service in wanted if number == 0 or service != "asr"}
            for number, root in enumerate(roots)
        )

    observed.collector.wait_for(all_came)
    spans = list(observed.collector.spans)
    return [
        [root, *(one for one in spans if one.trace_id == root.trace_id and one != root)] for root in _complete(spans)
    ]


def _complete(spans: list[CollectedSpan]) -> list[CollectedSpan]:
    roots = [span for span in spans if span.name == "turn" and span.attributes.get("outcome") == "complete"]
    return sorted(roots, key=lambda root: root.began_ns)


@pytest.mark.timeout(240)
def test_a_spoken_turn_is_one_trace_of_all_its_stages(turns: list[list[CollectedSpan]]) -> None:
    spans = turns[0]
    by_id = {span.span_id: span for span in spans}
    assert [span.name for span in spans if not span.parent_id] == ["turn"]
    assert {(one.name, one.service, by_id[one.parent_id].name) for one in spans if one.parent_id} == STAGES
    assert {span.service for span in spans} == {"gateway", "asr", "llm", "tts"}
    for span in spans[1:]:
        parent = by_id[span.parent_id]
        if span.service == parent.service or span.name == parent.name:
            assert parent.began_ns <= span.began_ns, (span, parent)
        assert spans[0].began_ns <= span.began_ns <= span.ended_ns


def test_a_typed_turn_is_one_without_recognition(turns: list[list[CollectedSpan]]) -> None:
    spans = turns[1]
    by_id = {span.span_id: span for span in spans}
    found = {(one.name, one.service, by_id[one.parent_id].name) for one in spans if one.parent_id}
    assert found == {stage for stage in STAGES if stage[1] != "asr"}


def test_a_turn_says_whose_it_is_and_how_long_it_took(
    turns: list[list[CollectedSpan]], conversation: Conversation
) -> None:
    for spans, over in zip(turns, conversation.turns, strict=True):
        root = spans[0]
        assert root.attributes["session.id"] == conversation.session_id
        assert root.attributes["turn.id"] == over["turn_id"]
        assert root.attributes["level"] == "beginner"
        told = {name: value for name, value in root.attributes.items() if name.startswith("latency.")}
        assert told == {f"latency.{stage}_ms": ms for stage, ms in over["latency_ms"].items()}
        answered = [one for one in spans if one.service in {"llm", "tts"} and one.attributes.get("turn.id")]
        assert {one.attributes["session.id"] for one in answered} == {conversation.session_id}
        assert over["turn_id"] in {one.attributes["turn.id"] for one in answered}
        assert any("first_token" in one.events for one in spans if one.service == "llm")
        assert any("first_audio" in one.events for one in spans if one.service == "tts")


@pytest.mark.timeout(240)
async def test_an_interruption_ends_a_trace_and_is_one_of_its_own(observed: Observed) -> None:
    async with a_learner(observed.mesh.ws) as learner:
        cut_off, next_one = await interrupt(learner)
        (session,) = (message["session_id"] for message in learner.of("connected"))

    def roots(spans: list[CollectedSpan]) -> dict[str, CollectedSpan]:
        mine = [one for one in spans if one.name == "turn" and one.attributes["session.id"] == session]
        return {one.attributes.get("turn.id", ""): one for one in mine}

    await asyncio.to_thread(observed.collector.wait_for, lambda spans: {cut_off, next_one} <= roots(spans).keys())
    found = roots(observed.collector.spans)
    assert found[cut_off].attributes["outcome"] == "interrupted"
    assert found[cut_off].trace_id != found[next_one].trace_id
    # The next turn's trace begins with the voice that interrupts.
    assert found[next_one].began_ns < found[cut_off].ended_ns


def test_no_words_stand_in_a_trace(
    observed: Observed, turns: list[list[CollectedSpan]], conversation: Conversation
) -> None:
    del turns  # needed only because the spans must have arrived
    told = " ".join(f"{one.name} {one.attributes} {one.events}" for one in observed.collector.spans)
    assert not [words for words in conversation.words if words in told]
