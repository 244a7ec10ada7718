"""Whole conversations whose turns are not saved: the store fails, hangs or loses them, or the conversation is full.
They are scripted and run in virtual time."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

import pytest

from gateway.closing import LEFT, HandOver
from gateway.conversation.events import Left
from gateway.conversation_record import SAVED_WITHIN_S
from gateway.protocol import AiText, ErrorMessage, Reconnect, TurnComplete
from tests.support.conversation import Conversation, one_turn, text
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.looptime


async def test_a_store_that_is_away_costs_one_warning_and_not_the_conversation() -> None:
    talk = Conversation()
    talk.store.away = True
    async with talk.running():
        for _ in range(2):
            await talk.post(text("hi"))
            await asyncio.sleep(3)
    assert [m.code for m in talk.of(ErrorMessage)] == ["not_saved"]
    assert len(talk.of(TurnComplete)) == 2
    assert talk.store.unsaved
    talk.store.away = False
    await talk.store.save_unsaved()  # the turns are saved although the conversation is over
    state, token, turns = talk.store.sessions[talk.connected.session_id]
    assert (state.session_id, token) == (talk.connected.session_id, talk.connected.resume_token)
    assert len(turns) == 4


async def test_what_waits_to_be_saved_is_saved_before_another_gateway_can_go_on() -> None:
    """Another gateway may go on once the client has got `reconnect`, or once its connection is closed."""

    class SlowStore(MemoryStore):
        told: tuple[Reconnect, ...] = ()

        async def save_now(self, session_id: str) -> None:
            await asyncio.sleep(1)
            self.told = tuple(talk.of(Reconnect))
            await super().save_now(session_id)

    for event in (HandOver(), Left()):
        talk = Conversation(store=(store := SlowStore()))
        async with talk.running():
            store.away = True
            await talk.post(text("hi"))
            await asyncio.sleep(3)
            store.away = False
            await talk.post(event)
        assert len(talk.of(Reconnect)) == isinstance(event, HandOver)
        assert store.told == ()
        assert len(store.sessions[talk.connected.session_id][2]) == 2


async def test_a_conversation_does_not_wait_long_for_its_last_turns_to_be_saved() -> None:
    class HangingStore(MemoryStore):
        async def save_now(self, session_id: str) -> None:
            await asyncio.Event().wait()

    talk = Conversation(store=HangingStore(away=True))
    async with asyncio.timeout(60), talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
    assert talk.closing is LEFT
    assert talk.store.unsaved


async def test_no_reply_waits_for_a_store_that_hangs() -> None:
    talk = Conversation()
    talk.store.hangs = True
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(SAVED_WITHIN_S + 1)
        assert talk.of(AiText)
        await asyncio.sleep(2)
        await talk.post(text("hi again"))
        await asyncio.sleep(3)
        assert len(talk.of(TurnComplete)) == 2
    assert [m.code for m in talk.of(ErrorMessage)] == ["not_saved"]
    talk.store.hangs = False
    await talk.store.save_unsaved()
    assert len(talk.store.sessions[talk.connected.session_id][2]) == 4


async def test_a_conversation_that_began_without_a_store_is_written_once_it_is_back_and_goes_on() -> None:
    talk = Conversation()
    talk.store.away = True
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
        talk.store.away = False
        await talk.store.save_unsaved()
        await talk.post(text("hi again"))
        await asyncio.sleep(3)
        talk.store.away = True
        await talk.post(text("and again"))
        await asyncio.sleep(3)
        talk.store.away = False
        await talk.store.save_unsaved()
    assert [m.code for m in talk.of(ErrorMessage)] == ["not_saved"] * 2
    assert len(talk.store.sessions[talk.connected.session_id][2]) == 6


async def test_turns_that_a_failover_has_lost_are_written_again_without_a_word() -> None:
    talk = Conversation()
    async with talk.running():
        await talk.post(text("hi"))
        await asyncio.sleep(3)
        talk.store.sessions[talk.connected.session_id][2].clear()
        await talk.post(text("hi again"))
        await asyncio.sleep(3)
    assert not talk.of(ErrorMessage)
    assert len(talk.store.sessions[talk.connected.session_id][2]) == 4


async def test_a_full_conversation_takes_what_is_said_but_nothing_typed() -> None:
    talk = Conversation()
    with patch("gateway.history.MAX_CHARS", 20):
        async with talk.running():
            await talk.post(text("hi"))
            await asyncio.sleep(3)
            assert len(talk.store.sessions[talk.connected.session_id][2]) == 2
            await talk.post(text("and more"))
            await asyncio.sleep(3)
            assert [m.code for m in talk.of(ErrorMessage)] == ["conversation_full"]
            talk.asr.script = one_turn()
            await talk.speak(2.0)
            await asyncio.sleep(3)
    assert len(talk.store.sessions[talk.connected.session_id][2]) == 4
