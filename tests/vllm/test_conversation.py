"""The gateway's conversation and analysis on a real vLLM, and vLLM's own metrics of them."""

from __future__ import annotations

import asyncio

import httpx
import jsonschema
import pytest

from tests.e2e.test_conversation import LINES, Utterance, as_webm
from tests.support.learner import a_learner
from tests.support.mesh import Mesh
from tests.support.transcription import word_error_rate
from tests.support.voices import say
from tests.vllm.conftest import LlmProcess

pytestmark = pytest.mark.timeout(900)


async def test_a_spoken_conversation_and_its_analysis(mesh: Mesh, llm: LlmProcess) -> None:
    before = await llm.vllm()
    utterance = Utterance(LINES[1], *say(LINES[1]))
    async with a_learner(mesh.ws) as learner, httpx.AsyncClient(base_url=mesh.http) as http:
        await learner.send(type="start", level="beginner")
        await learner.send_audio(list(as_webm(utterance.followed_by_silence, utterance.rate_hz)))
        text, audio, over = await learner.hear_reply(timeout_s=120)
        assert text.strip()
        assert audio
        assert over["type"] == "turn_complete"
        final = next(m for m in learner.of("transcript") if m["is_final"])
        assert word_error_rate([utterance.text], [final["text"]]) <= 0.1
        heard = len(learner.messages)
        await learner.send(type="text", text="What should I cook with them?")
        again, _, _ = await learner.hear_reply(after=heard, timeout_s=120)
        assert again.strip()
        await learner.send(type="end_conversation")
        analysis = await learner.wait_for("analysis", timeout_s=180)
        assert (await learner.wait_closed()) == (1000, "the conversation has ended")
        schema = (await http.get("/schemas/analysis.json")).json()
        device = (await http.get("/gpu")).json()["services"]["llm"]
    jsonschema.validate(analysis["data"], schema)
    assert analysis["data"]["fluency"]["words"] == len(LINES[1].split())  # what was spoken, not what was typed
    # A model this small is slow here and seldom writes usable parts of the analysis. If one is missing, the analysis
    # says so.
    assert analysis["data"]["summary"] or "language model" in analysis["data"]["unavailable"]["summary"]
    assert (device["engine"], device["device"]) == ("vllm", "cpu")
    after = await llm.vllm()
    assert after.prefix_cache_hits is not None
    assert before.prefix_cache_hits is not None
    assert after.prefix_cache_hits > before.prefix_cache_hits  # the second prompt begins like the first


async def test_a_turn_that_is_interrupted_is_aborted_in_vllm(mesh: Mesh, llm: LlmProcess) -> None:
    before = await llm.tokens_of_the_aborted()
    async with a_learner(mesh.ws) as learner:
        await learner.send(type="start", audio={"encoding": "pcm_s16le"}, level="advanced")
        await learner.send(type="text", text="Please tell me a long story about a dragon and a village.")
        await learner.wait_for("ai_text", timeout_s=60)
        await learner.send(type="interrupt")
        over = await learner.wait_for("interrupted")
        assert not [m for m in learner.messages[learner.messages.index(over) + 1 :] if m["type"] == "audio"]
    while (await llm.vllm()).running:  # vLLM, another process, aborts it a little later
        await asyncio.sleep(0.1)
    written = await llm.tokens_of_the_aborted() - before
    assert 0 < written < 150  # the reply was begun; completed, it might have had 220 tokens


async def test_its_metrics_stand_in_ours(llm: LlmProcess, mesh: Mesh) -> None:
    names = {
        "aitalk_llm_backend_prefix_cache_hits_tokens_total": "prefix_cache_hits",
        "aitalk_llm_backend_prefix_cache_queries_tokens_total": "prefix_cache_queries",
        "aitalk_llm_backend_generated_tokens_total": "generated",
        "aitalk_llm_backend_aborted_total": "aborted",
        "aitalk_llm_backend_preemptions_total": "preemptions",
        "aitalk_llm_backend_waiting": "waiting",
        "aitalk_llm_backend_running": "running",
        "aitalk_llm_backend_kv_cache_usage_ratio": "kv_cache_usage_ratio",
    }
    said = await llm.vllm()
    for name, field in names.items():
        expected = getattr(said, field)
        assert expected is not None, field
        while await llm.exported(name) != expected:  # the service reads vLLM's metrics every two seconds
            await asyncio.sleep(0.1)
    assert await llm.exported("aitalk_llm_backend_up") == 1
