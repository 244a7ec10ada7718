"""Which prompts the model reads while the learner speaks, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.ports import AsrEvent, ChatMessage, Partial, SpeechStarted
from gateway.protocol import Text
from tests.support.conversation import Conversation, at, eager, end

pytestmark = pytest.mark.looptime

SAID = "I went to the market with my sister yesterday."


def a_turn(begins_s: float = 0.0) -> list[tuple[int, AsrEvent]]:
    """A turn in which SAID takes two seconds, with partials of 2, 6 and 8 words; then a pause, and the end."""
    return [
        (at(begins_s + 0.2), SpeechStarted(at(begins_s + 0.1))),
        (at(begins_s + 0.6), Partial("", "I went...")),
        (at(begins_s + 1.2), Partial("I went", " to the market, with")),
        (at(begins_s + 1.8), Partial("I went to the market", " with my sister.")),
        (at(begins_s + 2.3), eager(SAID)),
        (at(begins_s + 2.7), end(SAID)),
    ]


def last_words(prompts: Sequence[Sequence[ChatMessage]]) -> list[str]:
    return [prompt[-1].content for prompt in prompts]


async def test_the_model_reads_the_words_as_they_come_and_not_each_of_them() -> None:
    talk = Conversation()
    talk.asr.script = [*a_turn()]
    async with talk.running():
        await talk.speak(3)
    assert last_words(talk.llm.generated) == ["Hello.", "I went to the market, with"]
    for read in talk.llm.generated:
        assert read[:-1] == talk.llm.asked[0][:-1]
        assert read[-1].role == "user"


async def test_the_next_turn_begins_with_reading_what_was_heard_of_the_last_reply() -> None:
    talk = Conversation()
    talk.asr.script = [*a_turn(), *a_turn(10.0)]
    async with talk.running():
        await talk.speak(13)
    first, second = talk.llm.asked
    begun = talk.llm.generated[len(talk.llm.generated) // 2]
    assert begun[:-1] == second[:-1]
    assert len(begun) > len(first)


async def test_nothing_is_read_beside_a_reply() -> None:
    talk = Conversation()
    talk.asr.script = [(at(0.5), SpeechStarted(at(0.4))), (at(0.8), Partial("", "mhm")), (at(1.0), end("mhm"))]
    async with talk.running():
        await talk.post(Text(type="text", text="hi"))
        await talk.speak(3)
    assert not talk.llm.generated


async def test_a_busy_model_is_not_prefilled() -> None:
    talk = Conversation(may_speculate=False)
    talk.asr.script = [*a_turn()]
    async with talk.running():
        await talk.speak(3)
    assert not talk.llm.generated
    assert talk.llm.asked


async def test_beside_the_reply_to_somebody_else_nothing_is_prefilled() -> None:
    talk = Conversation()
    talk.llm.open_streams = 1
    talk.asr.script = [*a_turn()]
    async with talk.running():
        await talk.speak(3)
    assert not talk.llm.generated
    assert talk.llm.asked


async def test_reading_is_given_up_when_the_reply_is_asked_for() -> None:
    talk = Conversation()
    ended: list[bool] = []

    async def read_for_ever(_messages: Sequence[ChatMessage], **_: object) -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append(not talk.llm.asked)
            raise
        return ""

    talk.llm.generate = read_for_ever  # type: ignore[method-assign, assignment]
    talk.asr.script = [*a_turn()]
    async with talk.running():
        await talk.speak(3)
        assert ended == [True]
