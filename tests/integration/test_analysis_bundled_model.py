"""The analysis with the real bundled model, SmolLM2-135M. Whatever the model writes, the analysis is a valid
document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import xllamacpp

from common.errors import UnavailableError
from common.smollm2 import PARTNER_ADAPTER, find_smollm2
from gateway.analysis import analyse
from gateway.history import LearnerTurn, Level, PartnerTurn, Turn, Word
from gateway.ports import ChatMessage
from gateway.tools import NO_TOOLS, ToolUse
from llm_service.servers.eight_bits import in_eight_bits
from tests.support.analysis_schema import validate
from tests.support.generating_llm import GeneratingLlm
from tests.support.mesh import ROOT

PROMPT_TOKENS = 1500
TIMEOUT_S = 500  # other tests may leave the model little processor time
SHAPES = ({"corrected"}, {"reasons"}, {"meanings"}, {"about"}, {"summary", "next_steps", "cefr", "cefr_because"})

DIALOGUE = (
    (
        "Hello! What did you do last weekend?",
        "Um, last weekend I go to the market with my friend and we buyed many soup.",
    ),
    ("That sounds delicious! What did you cook?", "We cook, you know, tomatoes. My friend she don't like onions."),
    ("Do you prefer restaurants?", "I like restaurants but they is expensive for me. I am cooking alone usually."),
)


@dataclass
class LlamaServer(GeneratingLlm):
    """ports.Llm over llama.cpp's OpenAI-compatible server."""

    address: str
    is_small: bool
    prompt_tokens: list[int] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
        gives_way: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> str:
        shape = {"name": "answer", "schema": json.loads(json_schema or "{}"), "strict": True}
        request: dict[str, Any] = {
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "response_format": {"type": "json_schema", "json_schema": shape},
        }
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            response = await client.post(f"{self.address}/v1/chat/completions", json=request)
        if response.status_code != 200:
            raise UnavailableError(f"LLM: {response.status_code} {response.text}")
        answer = response.json()
        self.prompt_tokens.append(answer["usage"]["prompt_tokens"])
        self.written.append(answer["choices"][0]["message"]["content"])
        return self.written[-1]


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    """The address of a llama.cpp server on the bundled weights, in the 8-bit copy that the service serves."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(in_eight_bits(find_smollm2(), ROOT / "models", PARTNER_ADAPTER))
    parameters.n_ctx = 4096
    parameters.port = 0
    parameters.fit_params = False
    parameters.use_jinja = True
    parameters.cpuparams.n_threads = 1  # several threads wait for one another, which is slow on a busy processor
    server = xllamacpp.Server(parameters)
    yield server.listening_address
    del server  # this ends the server


def conversation(repeats: int) -> list[Turn]:
    """The dialogue, `repeats` times, at four words per second, without pauses within a turn."""
    turns: list[Turn] = []
    now_s = 0.0
    for number, (partner, learner) in enumerate(DIALOGUE * repeats):
        duration_s = len(partner.split()) / 4
        turns.append(
            PartnerTurn(
                turn_id=f"p{number}", text=partner, generated_text=partner, started_s=now_s, duration_s=duration_s
            )
        )
        now_s += duration_s + 1
        words = tuple(
            Word(text=word, start_s=index / 4, end_s=index / 4 + 0.2) for index, word in enumerate(learner.split())
        )
        turns.append(
            LearnerTurn(turn_id=f"l{number}", text=learner, started_s=now_s, duration_s=len(words) / 4, words=words)
        )
        now_s += len(words) / 4 + 1
    return turns


def keys_of(text: str) -> set[str]:
    """The keys of the JSON object in `text`; an empty set if the JSON is incomplete."""
    try:
        return set(json.loads(text))
    except json.JSONDecodeError:
        return set()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("level", "repeats", "is_small"),
    [("beginner", 1, False), ("advanced", 25, True)],
    ids=["asked everything", "asked what a small model is asked"],
)
async def test_the_bundled_model_cannot_break_the_analysis(
    llama: str, level: Level, repeats: int, *, is_small: bool
) -> None:
    turns = conversation(repeats)
    llm = LlamaServer(llama, is_small)
    stages = analyse(turns, level=level, language="en", duration_s=60, llm=llm, timeout_s=TIMEOUT_S)
    *_, analysis = [stage.analysis async for stage in stages]

    validate(analysis.model_dump(mode="json"))
    assert (not llm.written) if is_small else 1 <= len(llm.written) <= 8  # each question at most twice
    assert is_small or any(keys_of(text) in SHAPES for text in llm.written)
    assert max(llm.prompt_tokens, default=0) < PROMPT_TOKENS
    # each part that needs the model is there, or a reason why it is missing
    assert (analysis.summary is None) == ("summary" in analysis.unavailable)
    assert (not analysis.next_steps) == ("next_steps" in analysis.unavailable)
    assert ("grammar" in analysis.unavailable) == (analysis.grammar.corrections_per_100_words is None)
    said = {turn.turn_id: turn.text for turn in turns}
    for correction in analysis.grammar.corrections:
        assert correction.original in said[correction.turn_id]
    assert {one.corrected for one in analysis.grammar.corrections} >= {"bought"}  # found by a rule
    # the measured parts do not depend on the model
    assert analysis.fluency.turns == 3 * repeats
    assert analysis.fluency.fillers
    assert analysis.fluency.fillers.by_filler == {"um": repeats, "you know": repeats}
    assert analysis.fluency.pauses is not None
    assert analysis.fluency.pauses.count == 0
    spoken_s = sum(len(learner.split()) for _, learner in DIALOGUE) / 4 * repeats
    assert analysis.fluency.speaking_time_s == spoken_s
    assert analysis.fluency.words_per_minute == round((spoken_s * 4 - repeats) * 60 / spoken_s, 1)  # without "um"
    assert (analysis.cefr.estimate is None) == ("cefr" in analysis.unavailable)
