"""Conversations that exceed the server's context are shortened, and the request is repeated."""

from __future__ import annotations

import httpx
import pytest

from common.errors import InvalidInputError
from llm_service.engine import GenerationRequest, Message
from llm_service.openai_api.context import most_tokens
from tests.support.openai_server import END, HELLO, SAID, Body, Server, no, pieces, reply_of


class SmallContext(Server):
    """A server for which each byte is a token. It refuses if prompt and `max_tokens` together exceed `context`."""

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
    if "{0}" in told or "{}" in told:  # if the refusal has the sizes, only as much is left out as needed
        assert len(kept) >= 4


async def test_an_empty_stream_is_asked_again_in_one_piece_which_tells_why() -> None:
    """llama-cpp-python 0.3.36 answers HTTP 200 and then sends nothing. This was seen in `make test-servers`."""
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
    server = SmallContext(1000, told="{0} tokens exceed the available context size ({1} tokens), try increasing it")
    engine = await server.started()
    long = Message("user", "我" * 2000)
    with pytest.raises(InvalidInputError) as refused:
        await reply_of(engine, GenerationRequest((SAID[0], long), 40, 0.7))
    told = "this is too long for the model, which takes at most 1000 tokens; say it in fewer words"
    assert str(refused.value) == told  # a learner reads this, so it has no advice for operators
    assert await reply_of(engine, GenerationRequest((SAID[0], long, Message("user", "Hello?")), 40, 0.7)) == HELLO


# Text → how many tokens SmolLM2's tokenizer makes of 1,000 characters of it, repeated.
TOKENS = {
    "I like walking in the mountains with my friends. ": 205,
    "WHY DO YOU NOT ANSWER ME? ": 385,
    "Ich gehe gern spazieren über die Straße. ": 391,
    "Kävelen mielelläni vuorilla ystävieni kanssa. ": 522,
    "Arkadaşlarımla dağlarda yürümeyi severim. ": 479,
    "Rád chodím po horách s přáteli. ": 594,
    "Tôi thích đi bộ trên núi cùng bạn bè. ": 737,
    "ˈwɔːkɪŋ ɪn ðə ˈmaʊntɪnz ": 1002,
    "Μου αρέσει να περπατώ. ": 784,
    "Я люблю гулять в горах. ": 918,
    "أُحِبُّ المَشْيَ ": 942,
    "אני אוהב ללכת בהרים. ": 953,
    "मुझे पहाड़ों में चलना पसंद है। ": 1226,
    "ฉันชอบเดินเล่นบนภูเขา ": 1910,
    "ကျွန်တော် တောင်တက်ရတာ ": 2728,
    "በተራራ ላይ መሄድ እወዳለሁ። ": 2368,
    "მიყვარს მთაში სიარული. ": 1827,
    "나는 산에서 걷는 것을 좋아해요. ": 2002,
    "私は山を歩くのが好きです。": 1693,
    "我喜欢夏天和我的兄弟一起在山里散步。": 1890,
    "😀👍🏽👨‍👩‍👧‍👦": 2700,
    "𝐇𝐞𝐥𝐥𝐨 ": 1834,
    "0123456789": 1000,
    "?!?!...;;-- ": 583,
    "-|-|=|": 667,
    "https://example.org/a?b=c&d=%20e ": 513,
    "a   \n\n  b ": 401,
    '{"city": "Oslo", "days": 3}': 481,
}


@pytest.mark.parametrize(("text", "tokens"), TOKENS.items())
def test_the_bound_on_tokens_holds_for_any_script(text: str, tokens: int) -> None:
    """The bound is used for servers that have no /tokenize."""
    content = (text * 1000)[:1000]
    assert tokens <= most_tokens([Message("user", content)]) <= 3 * tokens + 100
