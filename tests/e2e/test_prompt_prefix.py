"""A conversation's prompts share their beginning, so the model server can use its prefix cache."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc

from common.grpc_client import open_channel
from gateway.clients.llm import to_proto
from gateway.history import LearnerTurn, PartnerTurn, Turn
from gateway.reply.prompt import Briefing, messages_for
from tests.support.mesh import Mesh

SAYINGS = [
    "Hello, I would like to talk about my holiday by the sea.",
    "We went there with my two brothers, and it rained every day.",
    "The food was good, but the hotel was rather small.",
]


async def test_each_prompt_finds_the_one_before_it_in_the_cache(mesh: Mesh) -> None:
    turns: list[Turn] = []
    usages = []
    async with open_channel(f"127.0.0.1:{mesh.settings['LLM_PORT']}") as channel:
        stub: Any = llm_pb2_grpc.LlmServiceStub(channel)
        for saying in SAYINGS:
            messages = messages_for(Briefing(level="beginner", is_small=True), turns, saying, max_chars=6000)
            # Unguarded: when the guard ends a reply, the reply's slot stays busy for a moment. The next prompt would go
            # to another slot, which has none of it in its cache.
            config = llm_pb2.GenerationConfig(max_tokens=16, temperature=0, unguarded=True)
            answer = await stub.Generate(llm_pb2.GenerateRequest(messages=to_proto(messages), config=config))
            usages.append(answer.usage)
            turns += [
                LearnerTurn(turn_id="l", text=saying, started_s=0),
                PartnerTurn(turn_id="p", text=answer.text, generated_text=answer.text, started_s=0),
            ]
    for before, after in pairwise(usages):
        assert after.prompt_tokens > before.prompt_tokens
        assert after.cached_prompt_tokens >= 0.8 * before.prompt_tokens
