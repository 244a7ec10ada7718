"""OpenAI-compatible servers, each with its habits: what they are asked with, and what is read of their replies.

Sources: the shared cases of `quirky_llm.py`; what vLLM, llama.cpp, Ollama, Mistral, OpenAI, LiteLLM and Azure are known
to answer (docs/compatibility.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import EngineError, InvalidInputError, UnavailableError
from llm_service.engine import Delta, Done, GenerationRequest, Message
from llm_service.openai_api.client import OpenAiEngine
from llm_service.openai_api.dialect import Dialect
from llm_service.openai_api.spoken_text import SpokenText

HELLO = "Hello there. I like walking in the mountains. What do you like?"
SAID = (Message("system", "Be kind."), Message("user", "Hello!"))
SCHEMA = '{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}'
REQUEST = GenerationRequest(SAID, 40, 0.7)
Body = dict[str, Any]


def chunk(delta: object, finish: str | None = None, **more: object) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | more)


def pieces(text: str) -> list[str]:
    return [chunk({"content": text[at : at + 3]}) for at in range(0, len(text), 3)]


END = [chunk({}, "stop"), "[DONE]"]


def no(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message, "code": status}})


@dataclass
class Server:
    """A server of one kind. refuses: gives its refusal of a request, if it is one. says: the events of its replies."""

    refuses: Callable[[Body], httpx.Response | None] = lambda _: None
    says: Callable[[Body], Sequence[str]] = lambda _: pieces(HELLO) + END
    owned_by: str = ""
    asked: list[Body] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "m", "owned_by": self.owned_by}]})
        if request.url.path != "/v1/chat/completions":
            return httpx.Response(404)
        body: Body = json.loads(request.content)
        self.asked.append(body)
        if refusal := self.refuses(body):
            return refusal
        events = ['{"ok": true}'] if "response_format" in body else None
        data = "".join(f"data: {event}\n\n" for event in (pieces(events[0]) + END if events else self.says(body)))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=data.encode())

    async def started(self) -> OpenAiEngine:
        engine = OpenAiEngine("http://llm/v1", model="m", transport=httpx.MockTransport(self))
        await engine.warm_up()
        self.asked.clear()
        return engine


async def reply_of(engine: OpenAiEngine, request: GenerationRequest = REQUEST) -> str:
    async with aclosing(engine.stream(request)) as stream:
        events = [event async for event in stream]
    assert isinstance(events[-1], Done)
    return "".join(event.text for event in events if isinstance(event, Delta))


# --- what is read of replies

THINKS = "<think>\nOkay, the user is greeting me. I must answer with two short sentences.\n</think>\n\n"
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
    """As vLLM serves DeepSeek-R1 without a reasoning parser: the template has begun the thoughts already."""
    server = Server(says=lambda _: pieces("The user greets me.</think>" + HELLO) + END)
    engine = await server.started()
    assert await reply_of(engine) == HELLO


@given(st.lists(st.sampled_from(["<think>", "</think>", "a <", "b", "<|im_", "end|>", "|>", "\ud83d", "\ude00"])))
def test_any_cutting_gives_the_same_text(parts: list[str]) -> None:
    text = "".join(parts)
    whole, cut = SpokenText(), SpokenText()
    assert "".join(cut.push(part) for part in text) + cut.finish() == whole.push(text) + whole.finish()


# --- what is asked


def refuses_parameter(*names: str, status: int = 400, told: str = "Unsupported parameter: '{}'") -> Callable[..., Any]:
    def refuse(body: Body) -> httpx.Response | None:
        found = [name for name in names if name in body]
        return no(status, told.format(found[0])) if found else None

    return refuse


def refuses_system(body: Body) -> httpx.Response | None:
    return no(400, "System role not supported") if body["messages"][0]["role"] == "system" else None


def wants_turns(body: Body) -> httpx.Response | None:
    roles = [message["role"] for message in body["messages"] if message["role"] != "system"]
    if all(role == ("user", "assistant")[at % 2] for at, role in enumerate(roles)):
        return None
    return no(500, "Conversation roles must alternate user/assistant/user/assistant/...")


REFUSALS: dict[str, tuple[Callable[[Body], httpx.Response | None], set[str]]] = {
    "max_tokens (OpenAI's o-series)": (
        refuses_parameter("max_tokens", told="'{}' is not supported with this model. Use 'max_completion_tokens'."),
        {"wants_max_completion_tokens"},
    ),
    "stream_options (Mistral)": (
        lambda body: (
            httpx.Response(422, json={"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"]}]})
            if "stream_options" in body
            else None
        ),
        {"refuses_stream_options"},
    ),
    "two parameters, one after the other": (
        refuses_parameter("temperature", "top_p"),
        {"refuses_temperature", "refuses_top_p"},
    ),
    "a parameter that it does not name": (
        refuses_parameter("frequency_penalty", told="Bad request"),
        {"refuses_frequency_penalty"},
    ),
    "two that it does not name": (
        refuses_parameter("stream_options", "presence_penalty", told="invalid"),
        {"refuses_stream_options", "refuses_presence_penalty"},
    ),
    "system messages (Gemma's template)": (refuses_system, {"refuses_system_role"}),
    "roles that don't take turns (llama.cpp, Mistral's template)": (wants_turns, {"roles_take_turns"}),
    "response_format": (refuses_parameter("response_format"), {"refuses_response_format"}),
    "JSON schemas (DeepSeek, Groq)": (
        lambda body: no(400, "no") if body.get("response_format", {}).get("type") == "json_schema" else None,
        {"refuses_json_schema"},
    ),
    "temperature beside top_p (Claude; litellm 15097)": (
        lambda body: (
            no(400, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
            if {"temperature", "top_p"} <= body.keys()
            else None
        ),
        {"refuses_temperature", "refuses_top_p"},
    ),
    "stop strings (OpenAI's o-series, Grok)": (refuses_parameter("stop"), {"refuses_stop"}),
    "a parameter by another spelling (xAI)": (
        refuses_parameter("presence_penalty", told="Argument not supported on this model: presencePenalty"),
        {"refuses_presence_penalty"},
    ),
    "seed (Mistral calls it random_seed)": (
        lambda body: (
            httpx.Response(422, json={"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"]}]})
            if "seed" in body
            else None
        ),
        {"refuses_seed"},
    ),
    "thinking, unless told not to (Qwen3 on vLLM)": (lambda _: None, {"thinks"}),
}


def says_by_thinking(body: Body) -> list[str]:
    off = body.get("chat_template_kwargs") == {"enable_thinking": False}
    return pieces(HELLO if off else THINKS + HELLO) + END


@pytest.mark.parametrize("habit", REFUSALS)
async def test_what_a_server_refuses_is_found_at_start_and_left_out(
    habit: str, caplog: pytest.LogCaptureFixture
) -> None:
    refuses, found = REFUSALS[habit]
    server = Server(refuses=refuses, says=says_by_thinking if "thinking" in habit else lambda _: pieces(HELLO) + END)
    engine = await server.started()
    assert len(caplog.records) == len(found)
    assert set(engine._habits) == found
    history = (*SAID, Message("user", "Hello?"), Message("assistant", "Yes."), Message("user", "Good."))
    assert await reply_of(engine, GenerationRequest(history, 40, 0.7, top_p=0.9)) == HELLO
    assert len(server.asked) == 1


async def test_a_model_whose_thoughts_use_up_the_tokens_of_a_try_starts() -> None:
    """GPT-5 (nextlevelbuilder/goclaw 245): HTTP 400 where another server would end with `length`."""
    told = "Could not finish the message because max_tokens or model output limit was reached. Try higher max_tokens."
    server = Server(refuses=lambda body: no(400, told) if body["max_tokens"] < 500 else None)
    engine = await server.started()
    assert "thinks" in engine._habits
    assert await reply_of(engine) == HELLO


async def test_ollama_ignores_all_ways_against_thinking_but_one() -> None:
    """ollama/ollama 14820, ralphgrewe/TradingAgents 169."""

    def says(body: Body) -> list[str]:
        thoughts = [] if body.get("reasoning_effort") == "none" else [chunk({"content": "", "reasoning": "Hm."})]
        return [*thoughts, *pieces(HELLO), *END]

    server = Server(says=says, owned_by="library")
    engine = await server.started()
    assert await reply_of(engine) == HELLO
    assert server.asked[-1]["reasoning_effort"] == "none"


async def test_a_server_that_refuses_everything_is_not_ready_and_its_own_words_say_why() -> None:
    with pytest.raises(InvalidInputError, match="You must pay first"):
        await Server(refuses=lambda _: no(400, "You must pay first")).started()


@pytest.mark.parametrize(
    ("models", "wanted", "asked"),
    [
        (
            httpx.Response(404, json={"error": "no"}),
            "sonar",
            "sonar",
        ),  # Perplexity; Azure's deployments (go-openai 287)
        (no(403, "Missing scopes: api.model.read"), "gpt-4.1", "gpt-4.1"),  # a restricted key of OpenAI
        (httpx.Response(200, json=[{"id": "a"}, {"id": "b", "created": 0}]), "b", "b"),  # Together (helix 386)
        (httpx.Response(200, json={"data": [{"id": "a", "meta": {"n_params": "7B"}}, {"object": "?"}]}), "x", "a"),
    ],
)
async def test_lists_of_models(models: httpx.Response, wanted: str, asked: str) -> None:
    server = Server()

    def handler(request: httpx.Request) -> httpx.Response:
        return models if request.url.path.endswith("/models") else server(request)

    engine = OpenAiEngine("http://llm/v1", model=wanted, transport=httpx.MockTransport(handler))
    await engine.warm_up()
    assert await reply_of(engine) == HELLO
    assert server.asked[-1]["model"] == asked


async def test_json_in_words_is_cut_out_of_the_prose_and_checked() -> None:
    refuses = refuses_parameter("response_format")
    server = Server(refuses=refuses, says=lambda _: pieces('Here it is:\n```json\n{"ok": true}\n```') + END)
    wanted = GenerationRequest(SAID, 40, 0.0, json_schema=SCHEMA)
    assert await reply_of(await server.started(), wanted) == '{"ok": true}'
    assert SCHEMA.replace(":", ": ").replace(",", ", ") in server.asked[0]["messages"][-1]["content"]
    wrong = Server(refuses=refuses, says=lambda _: pieces('{"ok": "yes"}') + END)
    with pytest.raises(EngineError, match="in words"):
        await reply_of(await wrong.started(), wanted)


async def test_a_server_that_changes_its_habits_is_looked_at_again() -> None:
    server = Server()
    engine = await server.started()
    server.refuses = refuses_parameter("max_tokens")
    with pytest.raises(InvalidInputError):  # it was looked at a moment ago
        await reply_of(engine)
    engine._dialect_found_s -= 100
    assert await reply_of(engine) == HELLO


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_named_as_the_cause(status: int) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"location": "https://llm.example/v1/models?key=secret"})

    engine = OpenAiEngine("http://llm/v1", model="m", transport=httpx.MockTransport(handler))
    with pytest.raises(UnavailableError, match=r"https://llm.example/v1/models; set LLM_BASE_URL") as caught:
        await engine.warm_up()
    assert "secret" not in caught.value.message


def test_an_assistant_who_begins_is_quoted_where_roles_must_take_turns() -> None:
    begun = (Message("system", "Be kind."), Message("assistant", "Hi!"), Message("user", "Hello."))
    assert Dialect(takes_turns=True).messages(begun) == [
        {"role": "system", "content": "Be kind.\nYou have said already: Hi!"},
        {"role": "user", "content": "Hello."},
    ]
    assert Dialect(takes_turns=True, has_system=False).messages(begun) == [
        {"role": "user", "content": "Be kind.\nYou have said already: Hi!\n\nHello."}
    ]
    assert [message["role"] for message in Dialect().messages(begun)] == ["system", "assistant", "user"]


# --- the length of the context


class SmallContext(Server):
    """Counts a token for each byte, and refuses more than `context` of them."""

    def __init__(self, context: int, *, told: str) -> None:
        super().__init__(refuses=self._refuse)
        self.context, self.told = context, told

    def _refuse(self, body: Body) -> httpx.Response | None:
        used = sum(len(message["content"].encode()) for message in body["messages"]) + body["max_tokens"]
        return no(400, self.told.format(used, self.context)) if used > self.context else None


TOO_LONG = {
    "llama.cpp": "request ({} tokens) exceeds the available context size ({} tokens), try increasing it",
    "vLLM": "This model's maximum context length is {1} tokens. However, you requested {0} tokens (1300 in the "
    "messages, 40 in the completion). Please reduce the length of the messages or completion.",
    "Anthropic": "prompt is too long: {} tokens > {} maximum",
    "TGI (GenAIInfra 487)": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {1}. "
    "Given: {0} `inputs` tokens and 102 `max_new_tokens`",
    "SGLang": "The input ({} tokens) is longer than the model's context length ({} tokens).",
    "Gemini (gemini-cli 6678)": "The input token count ({}) exceeds the maximum number of tokens allowed ({}).",
    "Mistral": "Prompt contains {} tokens and 0 draft tokens, too large for model with {} maximum context length",
    "Groq": "Request too large for model: tokens per minute (TPM): Limit {1}, Requested {0}, please reduce your "
    "message size and try again.",
    "xAI": "This model's maximum prompt length is {1} but the request contains {0} tokens.",
    "llama-cpp-python": "Requested tokens ({}) exceed context window of {}",
    "OpenVINO Model Server": "Number of prompt tokens: {} exceeds model max length: {}",
    "TensorRT-LLM": "The sum of prompt length ({}.0), query length (0) should not exceed max_num_tokens ({})",
    "Moonshot": "Invalid request: Your request exceeded model token limit: {1}",
    "DashScope": "Range of input length should be [1, {1}]",
    "a server that says no number": "prompt is too long",
}


@pytest.mark.parametrize("told", TOO_LONG.values(), ids=list(TOO_LONG))
async def test_a_conversation_that_is_too_long_is_shortened_and_asked_again_at_once(told: str) -> None:
    server = SmallContext(1000, told=told)
    engine = await server.started()
    history = [Message("user" if at % 2 == 0 else "assistant", f"我喜欢夏天 {at} " * 10) for at in range(21)]
    assert await reply_of(engine, GenerationRequest((SAID[0], *history), 40, 0.7)) == HELLO
    kept = server.asked[-1]["messages"]
    assert kept[0]["content"] == "Be kind."
    assert kept[1]["role"] == "user"
    assert kept[-1]["content"] == history[-1].content
    assert len(server.asked) <= 6
    if "{0}" in told or "{}" in told:  # it says how much is too much, so that no more is left out than needed
        assert len(kept) >= 4


async def test_an_empty_stream_is_asked_again_in_one_piece_which_tells_why() -> None:
    """llama-cpp-python 0.3.36: HTTP 200, then nothing. Seen in `make test-servers`."""
    told = "Requested tokens (1531) exceed context window of 1024"

    def refuse(body: Body) -> httpx.Response | None:
        if len(body["messages"]) <= 3:
            return None
        return httpx.Response(200, headers={"content-type": "text/event-stream"}) if body["stream"] else no(400, told)

    server = Server(refuses=refuse)
    engine = await server.started()
    history = (*SAID, Message("assistant", "Hi!"), Message("user", "How are you?"))
    assert await reply_of(engine, GenerationRequest(history, 40, 0.7)) == HELLO
    assert [body["stream"] for body in server.asked] == [True, False, True]


async def test_a_refusal_within_a_stream_shortens_the_conversation_too() -> None:
    """TGI 2.4 answers HTTP 200 and an event with the error (text-generation-inference 2749, GenAIInfra 487)."""
    refusal = '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. '
    refusal += 'Given: 1887 `inputs` tokens and 1024 `max_new_tokens`","error_type":"validation"}'
    server = Server()
    engine = await server.started()
    server.says = lambda body: [refusal, "[DONE]"] if len(body["messages"]) > 3 else [*pieces(HELLO), *END]
    history = (*SAID, Message("assistant", "Hi!"), Message("user", "How are you?"))
    assert await reply_of(engine, GenerationRequest(history, 40, 0.7)) == HELLO


async def test_one_text_that_is_longer_than_the_context_is_refused_and_the_next_one_is_not() -> None:
    server = SmallContext(1000, told="maximum context length: {1}, requested {0}")
    engine = await server.started()
    long = Message("user", "我" * 2000)
    with pytest.raises(InvalidInputError, match="too long"):
        await reply_of(engine, GenerationRequest((SAID[0], long), 40, 0.7))
    assert await reply_of(engine, GenerationRequest((SAID[0], long, Message("user", "Hello?")), 40, 0.7)) == HELLO
