"""Parameters that a server refuses are found at the start, and left out afterwards.

Sources: the cases in docs/compatibility.md, and the reports that are named below.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.errors import EngineError, InvalidInputError, ServiceError, UnavailableError
from llm_service.engine import GenerationRequest, Message
from llm_service.openai_api.dialect import Dialect
from llm_service.openai_api.openai_engine import OpenAiEngine
from tests.support.openai_server import END, HELLO, SAID, SCHEMA, THINKS, Body, Server, chunk, no, pieces, reply_of


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
async def test_refused_parameters_are_found_at_the_start_and_left_out(
    habit: str, caplog: pytest.LogCaptureFixture
) -> None:
    refuses, found = REFUSALS[habit]
    server = Server(refuses=refuses, says=says_by_thinking if "thinking" in habit else lambda _: pieces(HELLO) + END)
    engine = await server.started()
    assert len(caplog.records) == len(found)
    assert set(engine._known.habits) == found
    history = (*SAID, Message("user", "Hello?"), Message("assistant", "Yes."), Message("user", "Good."))
    assert await reply_of(engine, GenerationRequest(history, 40, 0.7, top_p=0.9)) == HELLO
    assert len(server.asked) == 1


async def test_a_server_that_ignores_schemas_is_not_believed() -> None:
    """`transformers serve` 5.24 ignores the schema. Its model still writes JSON if the prompt asks for it."""

    def ignores(body: Body) -> httpx.Response | None:
        if "response_format" not in body:
            return None
        return httpx.Response(
            200, json={"choices": [{"message": {"content": '{"ok": true}'}, "finish_reason": "stop"}]}
        )

    server = Server(refuses=ignores)
    engine = await server.started()
    assert set(engine._known.habits) == {"refuses_json_schema"}
    assert json.loads(await reply_of(engine, GenerationRequest(SAID, 40, 0.7, json_schema=SCHEMA))) == {"ok": True}
    assert SCHEMA in server.asked[-1]["messages"][-1]["content"].replace(" ", "")


async def test_a_schema_may_go_into_json_object() -> None:
    """llama-cpp-python takes the schema there; its pull request 1677 for `json_schema` is open."""

    def refuses(body: Body) -> httpx.Response | None:
        wanted = body.get("response_format", {})
        if wanted.get("type") == "json_schema":
            return no(422, "Input should be 'text' or 'json_object'")
        if "schema" not in wanted:
            return None
        text = json.dumps(dict.fromkeys(wanted["schema"]["required"], True))
        return httpx.Response(200, json={"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})

    server = Server(refuses=refuses)
    engine = await server.started()
    assert set(engine._known.habits) == {"schema_in_json_object"}
    assert json.loads(await reply_of(engine, GenerationRequest(SAID, 40, 0.7, json_schema=SCHEMA))) == {"ok": True}
    assert server.asked[-1]["messages"][-1]["content"] == SAID[-1].content  # the prompt need not ask for JSON in words


async def test_a_model_whose_thoughts_use_up_the_tokens_of_a_try_starts() -> None:
    """For GPT-5, OpenAI answers HTTP 400 where others end the reply with `length` (nextlevelbuilder/goclaw 245)."""
    told = "Could not finish the message because max_tokens or model output limit was reached. Try higher max_tokens."
    server = Server(refuses=lambda body: no(400, told) if body["max_tokens"] < 500 else None)
    engine = await server.started()
    assert "thinks" in engine._known.habits
    assert await reply_of(engine) == HELLO


async def test_ollama_ignores_all_ways_against_thinking_but_one() -> None:
    """Sources: ollama/ollama 14820, ralphgrewe/TradingAgents 169."""

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
    with pytest.raises(InvalidInputError):  # the last look at its habits was only a moment ago
        await reply_of(engine)
    engine._known._found_s -= 100
    assert await reply_of(engine) == HELLO


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_named_as_the_cause(status: int) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"location": "https://llm.example/v1/models?key=secret"})

    engine = OpenAiEngine("http://llm/v1", model="m", transport=httpx.MockTransport(handler))
    with pytest.raises(UnavailableError, match=r"https://llm.example/v1/models; set LLM_BASE_URL") as caught:
        await engine.warm_up()
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("", httpx.Response(500, text="Internal Server Error")),
        ("wrong", no(400, "No connected db.")),
        ("wrong", no(401, "Authentication Error")),
    ],
)
async def test_a_key_that_is_missing_or_wrong_is_named(key: str, answer: httpx.Response) -> None:
    """The first two answers are LiteLLM's."""
    engine = OpenAiEngine("http://llm/v1", model="m", api_key=key, transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(ServiceError, match="LLM_API_KEY"):
        await engine.warm_up()


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
