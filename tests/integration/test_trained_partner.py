"""The bundled model with its adapter in llama.cpp: its replies show that it was trained to be a partner."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import xllamacpp

from bench.partner.quality import sentences_of, takes_up, words_of
from common.smollm2 import PARTNER_ADAPTER, find_smollm2
from gateway.history import Level
from gateway.reply.partner import MANNERS
from gateway.reply.prompt import Briefing, messages_for
from llm_service.servers import llama_server
from llm_service.servers.eight_bits import in_eight_bits

ROOT = Path(__file__).parents[2]

# Learners' lines that the training did not use.
SAID: list[tuple[Level, str]] = [
    ("beginner", "My sister works in a bakery near the station."),
    ("beginner", "Yesterday we eated potatoes with butter."),
    ("beginner", "My grandfather repairs old radios."),
    ("intermediate", "Last weekend our boat turned over in the middle of the lake."),
    ("intermediate", "I would like to work as a nurse, but I'm afraid of blood."),
    ("intermediate", "My landlord doesn't want to repair the heating."),
    ("advanced", "I've been thinking about selling my car and going everywhere by bicycle."),
    ("advanced", "Our library has decided to open on Sundays, which divides the whole village."),
]


@pytest.fixture(scope="module")
def llama() -> xllamacpp.Server:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(in_eight_bits(find_smollm2(), ROOT / "models", PARTNER_ADAPTER))
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.n_ctx = 1024
    parameters.n_parallel = 1
    parameters.fit_params = False
    parameters.use_jinja = True
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(parameters)


def reply_to(llama: xllamacpp.Server, level: Level, said: str) -> str:
    """The most likely reply."""
    prompt = messages_for(Briefing(level=level, is_small=True, is_trained=True), [], said, max_chars=6000)
    messages = [{"role": message.role, "content": message.content} for message in prompt]
    answer = llama.handle_chat_completions({"messages": messages, "max_tokens": 80, "temperature": 0})
    return str(answer["choices"][0]["message"]["content"])


def test_replies_are_short_and_about_what_was_said(llama: xllamacpp.Server) -> None:
    replies = [(level, said, reply_to(llama, level, said)) for level, said in SAID]
    for level, _, reply in replies:
        assert len(sentences_of(reply)) <= MANNERS[level].max_sentences, reply
        assert len(words_of(reply)) <= 45, reply
    beside_the_point = [reply for _, said, reply in replies if not takes_up(reply, said)]
    assert len(beside_the_point) <= 2, beside_the_point


def test_llama_cpp_can_apply_an_adapter_as_it_runs() -> None:
    """With LLM_ADAPTER, llm_service does this for models other than the bundled one."""
    options = argparse.Namespace(
        model=find_smollm2(), alias="m", port=0, context=512, parallel=1, threads=1, request_adapter=None
    )
    replies = []
    for options.adapter in (PARTNER_ADAPTER, None):
        llama = xllamacpp.Server(llama_server.parameters(options))
        replies.append(reply_to(llama, "beginner", "My sister works in a bakery near the station."))
        del llama
    trained, original = replies
    assert len(words_of(trained)) <= 20 < len(words_of(original))
