"""OpenAI-compatible servers, each with its habits in replies: how the replies are read.

Sources: the cases in docs/compatibility.md, and known answers of vLLM, llama.cpp, Ollama, Mistral, OpenAI, LiteLLM and
Azure.
"""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import EngineError
from llm_service.openai_api.spoken_text import SpokenText
from tests.support.openai_server import END, HELLO, THINKS, Server, chunk, pieces, reply_of

HALVES = [chunk({"content": "@"}).replace("@", half) for half in (r"\ud83d", r"\ude00")]
USAGE = json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": None}})
REPLIES = {
    "nothing special": (pieces(HELLO) + END, HELLO),
    "thinks aloud (Qwen3, DeepSeek-R1)": (pieces(THINKS + HELLO) + END, HELLO),
    "thinks aloud (Magistral)": (pieces("[THINK]Hm.[/THINK]" + HELLO) + END, HELLO),
    "thinks aloud (gpt-oss)": (
        pieces("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>" + HELLO) + END,
        HELLO,
    ),
    "thoughts in a field (vLLM, DeepSeek)": (
        [chunk({"reasoning_content": "Hm.", "content": None}), *pieces(HELLO), *END],
        HELLO,
    ),
    "thoughts in a field (OpenRouter)": ([chunk({"reasoning": "Hm.", "content": ""}), *pieces(HELLO), *END], HELLO),
    "null delta at the end": ([*pieces(HELLO), chunk(None, "stop"), USAGE, "[DONE]"], HELLO),
    "null content": ([chunk({"role": "assistant", "content": None}), *pieces(HELLO), *END], HELLO),
    "content in parts (Mistral)": (
        [
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
            chunk({"content": [{"type": "text", "text": HELLO[:9]}, HELLO[9:]]}),
            *END,
        ],
        HELLO,
    ),
    "content that is a number": ([chunk({"content": 7}), *pieces(HELLO), *END], HELLO),
    "no choices (Azure's first event)": (['{"prompt_filter_results": []}', *pieces(HELLO), *END], HELLO),
    "empty choice": (['{"choices": [{}]}', '{"choices": [null]}', *pieces(HELLO), *END], HELLO),
    "no finish_reason": ([*pieces(HELLO), "[DONE]"], HELLO),
    "no [DONE]": ([*pieces(HELLO), END[0]], HELLO),
    "message in place of delta": ([json.dumps({"choices": [{"message": {"content": HELLO}}]}), "[DONE]"], HELLO),
    "text in place of delta": ([json.dumps({"choices": [{"text": HELLO}]}), "[DONE]"], HELLO),
    "a refusal (OpenAI)": ([chunk({"content": None, "refusal": "I can't."}), *END], "I can't."),
    "an event that is no JSON": ([*pieces(HELLO), "{", *END], HELLO),
    "usage that is null": ([*pieces(HELLO), chunk({}, "stop", usage=None), "[DONE]"], HELLO),
    "an emoji in halves": (
        [*pieces("That is great"), *HALVES, *pieces(" What do you like?"), *END],
        "That is great😀 What do you like?",
    ),
    "half an emoji": ([*pieces("That is great"), HALVES[0], *pieces(" Oh?"), *END], "That is great Oh?"),
    "control tokens": (pieces(f"<|im_start|>assistant\n{HELLO}<|im_end|>\n<|im_start|>user\nAnd you?") + END, HELLO),
    "control tokens (Llama 3)": (
        pieces(f"<|start_header_id|>assistant<|end_header_id|>\n\n{HELLO}<|eot_id|>") + END,
        HELLO,
    ),
    "control tokens (Gemma)": (pieces(HELLO + "<end_of_turn>\n<start_of_turn>user\nHm") + END, HELLO),
    "control tokens (Mistral)": (pieces("<s> " + HELLO + "</s>") + END, HELLO),
    "control characters": (pieces("\ufeff" + HELLO + "\x00") + END, HELLO),
    "an angle bracket that is none of it": (pieces("2 < 3, and <b> is bold.") + END, "2 < 3, and <b> is bold."),
    "no empty line between events": (["\ndata: ".join(pieces(HELLO) + END[:1]), "[DONE]"], HELLO),
    "usage in place of an end (earendil-works/pi 7441)": (
        [*pieces(HELLO), json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 12}})],
        HELLO,
    ),
    "an empty finish_reason until the end (ollama 4357, sglang 3912)": (
        [*(piece.replace("null}", '""}') for piece in pieces(HELLO)), *END],
        HELLO,
    ),
    "no object, no index (TensorRT-Edge-LLM 93)": (
        [json.dumps({"choices": [{"delta": {"content": HELLO}}]}), '{"choices": [{"finish_reason": "stop"}]}'],
        HELLO,
    ),
    "several events without an end": ([*pieces(HELLO), END[0]], HELLO),
}


@pytest.mark.parametrize("habit", REPLIES)
async def test_what_is_there_is_spoken(habit: str) -> None:
    events, said = REPLIES[habit]
    server = Server()
    engine = await server.started()
    server.says = lambda _: events
    assert (await reply_of(engine)).strip() == said


@pytest.mark.parametrize("habit", REPLIES)
async def test_a_server_with_this_habit_starts(habit: str) -> None:
    server = Server(says=lambda _: REPLIES[habit][0])
    assert (await reply_of(await server.started())).strip() == REPLIES[habit][1]


async def test_a_server_that_does_not_stream() -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": HELLO}, "finish_reason": "stop"}]}
    server = Server(refuses=lambda _: httpx.Response(200, json=body))
    assert await reply_of(await server.started()) == HELLO


async def test_a_reply_that_is_all_thoughts_is_an_error_that_says_so() -> None:
    server = Server(says=lambda _: [*pieces("<think>Hm, " + "let me see, " * 9), chunk({}, "length"), "[DONE]"])
    with pytest.raises(EngineError, match="thoughts"):
        await reply_of(await server.started())


async def test_thoughts_without_a_beginning_are_held_back_from_the_second_reply_on() -> None:
    """vLLM without a reasoning parser serves DeepSeek-R1 like this, because the template already contains the mark that
    begins the thoughts."""
    server = Server(says=lambda _: pieces("The user greets me.</think>" + HELLO) + END)
    engine = await server.started()
    assert await reply_of(engine) == HELLO


@given(st.lists(st.sampled_from(["<think>", "</think>", "a <", "b", "<|im_", "end|>", "|>", "\ud83d", "\ude00"])))
def test_any_cutting_gives_the_same_text(parts: list[str]) -> None:
    text = "".join(parts)
    whole, cut = SpokenText(), SpokenText()
    assert "".join(cut.push(part) for part in text) + cut.finish() == whole.push(text) + whole.finish()
