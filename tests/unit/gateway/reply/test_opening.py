"""The model reads the beginnings of prompts before the first learner comes."""

from __future__ import annotations

import asyncio

import pytest

from gateway.history import SessionState
from gateway.ports import WritingRequest
from gateway.reply.opening import read_openings
from gateway.reply.partner import partner_of
from gateway.reply.prompt import Briefing, messages_for
from tests.support.fakes import FakeLlm

pytestmark = pytest.mark.looptime


async def test_the_first_prompt_of_a_usual_conversation_was_read_but_for_the_learners_words() -> None:
    llm = FakeLlm(is_small=True, answer="I")
    await read_openings(llm, max_chars=6000)
    state = SessionState(session_id="s", created_at=0)
    briefing = Briefing(partner_of(state), state.level, state.language, is_small=True)
    prompt = messages_for(briefing, (), "I was in Rome.", max_chars=6000)
    assert llm.meanwhile[0][:-1] == prompt[:-1]
    assert len(llm.meanwhile) == 3


async def test_a_larger_model_reads_nothing_ahead() -> None:
    llm = FakeLlm()
    await read_openings(llm, max_chars=6000)
    assert llm.meanwhile == llm.generated == []


async def test_a_learners_reply_goes_first() -> None:
    llm = FakeLlm(is_small=True, reply=["Hi."], first_s=2.0)  # each reading fails, as if a reply needed the model
    async with asyncio.TaskGroup() as tasks, llm.stream(WritingRequest([])) as words:
        reading = tasks.create_task(read_openings(llm, max_chars=6000))
        async for _ in words:
            assert llm.meanwhile == []
            assert not reading.done()
    assert len(llm.meanwhile) == 3
