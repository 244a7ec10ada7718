"""Long conversations: what the prompts leave out, when that is decided, and the summary of what was left out."""

from __future__ import annotations

import asyncio
import statistics
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.history import LearnerTurn, Memory, PartnerTurn, Turn
from gateway.ports import ChatMessage, SpeechStarted, WritingEnd, WritingRequest
from gateway.protocol import TurnComplete
from gateway.reply.prompt import Briefing, messages_for
from gateway.reply.prompt_sizes import first_kept, next_memory, sizes
from gateway.tools import CallPiece
from tests.support.conversation import Conversation, at, conversation_in, start, text
from tests.support.fakes import FakeLlm

MAX_CHARS = 6000


def learner(said: str) -> LearnerTurn:
    return LearnerTurn(turn_id="l", text=said, started_s=0)


def partner(said: str) -> PartnerTurn:
    return PartnerTurn(turn_id="p", text=said, generated_text=said, started_s=0)


def exchanges(count: int, chars: int = 100) -> list[Turn]:
    return [turn for _ in range(count) for turn in (learner("a" * chars), partner("b" * chars))]


# --- what is left out


def test_nothing_is_left_out_of_a_short_conversation() -> None:
    assert next_memory(exchanges(20), Memory(), sizes(MAX_CHARS, is_small=False)) == Memory()


def test_two_thirds_of_the_prompt_are_filled_before_it_is_shortened_to_one_third() -> None:
    memory = next_memory(exchanges(21), Memory(), sizes(MAX_CHARS, is_small=False))
    assert memory.left_out == 2 * 11
    assert next_memory(exchanges(30), memory, sizes(MAX_CHARS, is_small=False)) == memory


def test_a_small_model_sees_four_to_eight_exchanges() -> None:
    memory, wanted = Memory(), sizes(MAX_CHARS, is_small=True)
    seen = []
    for count in range(1, 40):
        memory = next_memory(exchanges(count, 10), memory, wanted)
        seen.append(count + 1 - memory.left_out // 2)
    assert max(seen) <= 8
    assert min(seen[4:]) >= 4


def test_the_learners_latest_turn_is_kept_however_long_it_is() -> None:
    turns: list[Turn] = [*exchanges(4), learner("a" * 5000)]
    assert next_memory(turns, Memory(), sizes(MAX_CHARS, is_small=False)).left_out == 8


@pytest.mark.parametrize(
    ("script", "chars"), [("ab cd, ", 6000), ("привет ", 2600), ("我喜欢夏天。", 1500), ("สวัสดี", 1500)]
)
def test_scripts_that_cost_more_tokens_fill_a_prompt_sooner(script: str, chars: int) -> None:
    """Source: the case `long_text.py` in docs/compatibility.md."""
    text, size = script * 1000, sizes(MAX_CHARS, is_small=False).most
    assert size.holds([learner(text[:chars])])
    assert not size.holds([learner(text[: round(chars * 1.2)])])


def test_a_long_text_in_a_costly_script_is_left_out_of_the_next_prompt() -> None:
    turns = [learner("我喜欢夏天。" * 600)]
    messages = messages_for(Briefing(), turns, "Do you hear me?", max_chars=MAX_CHARS)
    assert messages[-1].content == "Do you hear me?"


def test_a_prompt_that_would_not_fit_leaves_out_more_than_was_planned() -> None:
    messages = messages_for(Briefing(language="xx"), exchanges(20), "c" * 4000, max_chars=MAX_CHARS)
    assert [message.content for message in messages[1:]] == ["c" * 4000]


def test_a_summary_stands_before_the_conversation_once_it_is_told() -> None:
    memory = Memory(left_out=2, told="Ana has a cat.", summary="Ana has two cats.", summarised=2)
    turns: list[Turn] = [learner("I have a cat."), partner("Nice!"), learner("Yes."), partner("And?")]
    messages = messages_for(Briefing(language="xx"), turns, "So.", max_chars=MAX_CHARS, memory=memory)
    assert [message.content for message in messages[1:]] == [
        "(Notes on what you two have talked about: Ana has a cat.) Yes.",
        "And?",
        "So.",
    ]
    assert next_memory(turns, memory, sizes(MAX_CHARS, is_small=False)).told == "Ana has two cats."


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=40), st.booleans())
def test_left_out_turns_never_come_back_and_the_kept_ones_begin_with_the_learner(
    said: list[tuple[bool, int]], is_small: bool
) -> None:
    turns: list[Turn] = [learner("a" * chars) if is_learner else partner("b" * chars) for is_learner, chars in said]
    wanted, memory = sizes(MAX_CHARS, is_small=is_small), Memory()
    for count in range(len(turns) + 1):
        after = next_memory(turns[:count], memory, wanted)
        assert memory.left_out <= after.left_out <= count
        if after.left_out not in {0, count, memory.left_out}:
            assert isinstance(turns[after.left_out], LearnerTurn)
        memory = after
    first = first_kept(turns, 0, wanted.kept)
    assert wanted.kept.holds(turns[first:])


# --- when the prompt is shortened


@dataclass
class ReadingLlm(FakeLlm):
    """Takes time for each character that is not in its cache, like a server that keeps the last two prompts."""

    answer: str = "The learner is Ana."
    s_per_char: float = 0.0005
    cache: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    given_up: int = 0

    async def _read(self, messages: Sequence[ChatMessage]) -> float:
        prompt = "\n".join(f"{message.role}: {message.content}" for message in messages)
        read = max((_same(prompt, one) for one in self.cache), default=0)
        wait_s = (len(prompt) - read) * self.s_per_char
        await asyncio.sleep(wait_s)
        self.cache = [*self.cache, prompt][-2:]
        return wait_s

    @asynccontextmanager
    async def stream(
        self, request: WritingRequest, on_end: Callable[[WritingEnd], None] | None = None
    ) -> AsyncIterator[AsyncIterator[str | CallPiece]]:
        async with super().stream(request, on_end) as words:
            self.waits.append(await self._read(request.messages))
            yield words

    async def generate(self, messages: Sequence[ChatMessage], *, gives_way: bool = False, **options: Any) -> str:
        (self.meanwhile if gives_way else self.generated).append(list(messages))
        try:
            await self._read(messages)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return self.answer

    @property
    def summaries_asked(self) -> int:
        return sum("notes" in messages[0].content for messages in self.meanwhile)


def _same(one: str, other: str) -> int:
    """The number of equal characters at the beginning."""
    lengths = range(1, min(len(one), len(other)) + 1)
    return bisect_left(lengths, True, key=lambda length: one[:length] != other[:length])


SAID = "This is what I say, number {}." + " And I say a little more." * 8
"""A typed turn of some 230 characters, with its number."""


async def converse(talk: Conversation, turns: int, *, pause_s: float = 1.0) -> None:
    """Type that many turns, each one after the reply to the last one was heard."""
    for number in range(turns):
        before = len(talk.of(TurnComplete))
        await talk.post(text(SAID.format(number)))
        while len(talk.of(TurnComplete)) == before:
            await asyncio.sleep(0.1)
        await asyncio.sleep(pause_s)


def conversation(**options: Any) -> tuple[Conversation, ReadingLlm]:
    llm = ReadingLlm(reply=["A ", "reply ", "of ", "the ", "partner ", "with ", "many ", "words."], **options)
    return Conversation(llm=llm), llm


@pytest.mark.looptime
@pytest.mark.parametrize("is_small", [False, True])
async def test_the_wait_for_a_reply_does_not_depend_on_how_long_one_has_talked(is_small: bool) -> None:
    talk, llm = conversation(is_small=is_small)
    async with talk.running():
        await converse(talk, 100)
    later = llm.waits[1:]  # before the first reply, the model also reads the system message and the examples
    assert len(later) == 99
    assert max(later) <= 2 * statistics.median(later)
    state = talk.store.sessions[talk.connected.session_id][0]
    assert state.memory.left_out > 150
    assert llm.summaries_asked == 0 if is_small else state.memory.told == "The learner is Ana."


@pytest.mark.looptime
async def test_a_model_that_has_no_time_is_asked_with_the_old_prompt_until_it_is_full() -> None:
    talk, llm = conversation(s_per_char=0.001)
    async with talk.running():
        await converse(talk, 1)
        for number in range(1, 40):
            await talk.post(text(SAID.format(number)))
            await asyncio.sleep(2.2)  # the reply has been sent, and the shortened prompt is only half read
    kept = [len(conversation_in(prompt)) for prompt in llm.asked]
    assert llm.given_up > 3
    shortened = [after for before, after in pairwise(kept) if after < before]
    assert shortened
    for prompt in llm.asked:
        said = conversation_in(prompt)
        marks = 100 + 25 * len(said)  # characters of the summary, and of "(interrupting you)" in each turn
        assert sum(len(message.content) for message in said) <= MAX_CHARS + marks


@pytest.mark.looptime
async def test_a_learner_who_speaks_ends_the_work_for_later_prompts() -> None:
    talk, llm = conversation()
    async with talk.running():
        await converse(talk, 15)
        assert not llm.meanwhile
        llm.s_per_char = 0.002
        await talk.post(text(SAID.format(16)))
        while not llm.meanwhile:
            await asyncio.sleep(0.05)
        talk.asr.script = [(at(0.1), SpeechStarted(0))]
        await talk.speak(0.5)
        assert llm.given_up == 1
        state = talk.store.sessions[talk.connected.session_id][0]
        assert state.memory == Memory()


@pytest.mark.looptime
async def test_the_left_out_turns_and_their_summary_stay_with_the_session() -> None:
    first, _ = conversation()
    async with first.running():
        await converse(first, 40)
    second, llm = conversation()
    second.store = first.store
    async with second.running():
        token = first.connected
        await second.post(start(session_id=token.session_id, resume_token=token.resume_token))
        await converse(second, 1)
    said = conversation_in(llm.asked[0])
    assert said[0].content.startswith("(Notes on what you two have talked about: The learner is Ana.) This is what")
    assert len(said) < 40


@pytest.mark.looptime
@pytest.mark.parametrize("answer", ["", "bla " * 200])
async def test_an_unusable_summary_is_not_kept(answer: str) -> None:
    talk, llm = conversation(answer=answer)
    async with talk.running():
        await converse(talk, 40)
    assert llm.summaries_asked > 1
    assert talk.store.sessions[talk.connected.session_id][0].memory.summary == ""
