"""How long learners' records are kept, how much they hold, and that an erasure is final. They are in a real Valkey."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from unittest.mock import AsyncMock

import pytest
from prometheus_client import REGISTRY

from common.errors import InvalidInputError, UnavailableError
from gateway.clients.redis_keys import learner_keys, turns_key
from gateway.clients.redis_learners import MAX_WORDS_TO_LEARN, UNUSED_TTL_S
from gateway.conversation.learner import Learner as KnownLearner
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, SessionState
from gateway.outbox import Outbox
from gateway.ports import NoRecordError
from gateway.ports.learner_record import WordToKeep
from gateway.progress.review import new_word
from tests.support.learner import a_learner
from tests.support.learner_records import ANNA, BORIS, PROGRESS_TTL_S, SAID, TTL_S, World, a_world
from tests.support.progress import an_entry


async def test_a_conversation_that_goes_on_after_the_erasure_writes_nothing(world: World) -> None:
    async with a_learner(world.gateway.ws) as learner, world.http() as http:
        await learner.send(type="start", learner=ANNA, keep_progress=True)
        await learner.send(type="text", text=SAID[0])
        await learner.hear_reply()
        assert (await http.delete("/learner")).json()["erased"]["sessions"] == 1
        assert await world.keys() == []
        await learner.send(type="text", text=SAID[1])
        await learner.send(type="end_conversation")
        assert (await learner.wait_closed())[0] == 1000
        assert len(learner.of("analysis")) == 1
        assert not learner.of("error")
    assert await world.keys() == []


async def test_a_session_that_could_not_be_saved_is_not_written_after_the_erasure(world: World) -> None:
    name = f"own:{ANNA}"
    record_id = await world.learners.agree(name, "s1")
    state = SessionState(session_id="s1", created_at=0)
    record = ConversationRecord(state, world.store, outbox := Outbox())
    record.is_wanted = partial(world.learners.is_kept, name, record_id)
    world.store.save_later(record)
    await world.learners.erase(name)
    world.store.save_later(record)  # this gateway has not heard of the erasure
    assert await world.store.unsaved.save(record.state.session_id)
    assert REGISTRY.get_sample_value("aitalk_gateway_unsaved_sessions") == 0
    assert await world.keys() == []
    outbox.close()
    assert [message async for message in outbox] == []


async def test_a_record_has_bounds_and_expires(world: World) -> None:
    name = f"own:{ANNA}"
    with pytest.raises(NoRecordError):
        await world.learners.put_word(name, new_word(WordToKeep(word="early"), datetime.now(UTC)))
    await world.learners.agree(name, "a-session")
    words = [new_word(WordToKeep(word=f"w{i}"), datetime.now(UTC)) for i in range(MAX_WORDS_TO_LEARN + 1)]
    for word in words[:-1]:
        await world.learners.put_word(name, word)
    with pytest.raises(InvalidInputError, match="the most"):
        await world.learners.put_word(name, words[-1])
    await world.learners.put_word(name, words[0])  # an existing word is changed
    ttls = [await world.store._redis.ttl(key) for key in await world.keys()]
    assert len(ttls) == 3
    assert all(TTL_S < ttl <= PROGRESS_TTL_S for ttl in ttls)


async def test_the_oldest_conversation_makes_room(world: World) -> None:
    world.learners._max_conversations = 2
    name = f"own:{ANNA}"
    record = await world.learners.agree(name)
    for day in (3, 1, 2):
        await world.learners.add_conversation(name, record, f"s{day}", an_entry(day), [])
    kept = await world.learners.read(name)
    assert kept
    assert [entry.ended_at.day for entry in kept.conversations] == [2, 3]


async def test_a_record_without_a_word_and_without_a_turn_is_soon_forgotten(empty_valkey_url: str) -> None:
    async with a_world(empty_valkey_url, record_ttl_s=10 * UNUSED_TTL_S) as world:

        async def ttl_s(name: str) -> int:
            return int(await world.store._redis.ttl(learner_keys(f"own:{name}").record))

        async with world.http() as http:
            await http.put("/learner", json={"keep_progress": True})
            assert 0 < await ttl_s(ANNA) <= UNUSED_TTL_S
            await http.post("/learner/words", json={"word": "cherry"})
            assert await ttl_s(ANNA) > UNUSED_TTL_S
            await http.post("/learner/words/remove", json={"word": "cherry"})
            assert 0 < await ttl_s(ANNA) <= UNUSED_TTL_S
        async with a_learner(world.gateway.ws) as learner:
            await learner.send(type="start", learner=BORIS, keep_progress=True)
            await learner.send(type="start", learner=BORIS + "2", keep_progress=True)
            # A connection may begin only one record.
            assert (await learner.wait_for("error"))["code"] == "invalid_input"
            assert await ttl_s(BORIS + "2") == -2
            assert 0 < await ttl_s(BORIS) <= UNUSED_TTL_S
            await learner.send(type="start", learner=BORIS, keep_progress=True)
            await learner.send(type="text", text="Hello.")
            await learner.hear_reply()
            assert await ttl_s(BORIS) > UNUSED_TTL_S


async def test_a_record_is_kept_for_long_if_what_was_said_is_saved_only_later(
    empty_valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the record would lapse before the conversation, and an erasure would not find the conversation."""
    async with a_world(empty_valkey_url, record_ttl_s=10 * UNUSED_TTL_S) as world:
        learner = KnownLearner(world.store, world.learners, ANNA)
        state = SessionState(session_id="s1", created_at=0)
        record = ConversationRecord(state, world.store, outbox := Outbox())
        record.is_wanted, record.on_said = learner.may_be_stored, learner.keep_for_long
        await record.create("token")
        await learner.agree("s1")
        with monkeypatch.context() as away:
            away.setattr(world.store, "append", AsyncMock(side_effect=UnavailableError("away")))
            await record.remember(LearnerTurn(turn_id="1", text="Hello", started_s=0.0))
        key = learner_keys(f"sub:{ANNA}").record
        assert await world.store._redis.ttl(key) <= UNUSED_TTL_S
        await record.save()
        assert await world.store._redis.llen(turns_key("s1")) == 1
        assert await world.store._redis.ttl(key) > UNUSED_TTL_S
        outbox.close()
        assert len([message async for message in outbox]) == 1


async def test_a_record_is_kept_for_long_if_that_failed_after_the_last_turn(world: World) -> None:
    record = ConversationRecord(SessionState(session_id="s1", created_at=0), world.store, outbox := Outbox())
    record.on_said = keep = AsyncMock()
    await record.save()
    keep.assert_not_called()
    await record.create("token")
    await record.remember(LearnerTurn(turn_id="1", text="Hello", started_s=0.0))
    await record.save()
    assert keep.await_count == 2
    outbox.close()
    assert [message async for message in outbox] == []


async def test_agreeing_again_never_shortens_a_record_of_an_earlier_version(empty_valkey_url: str) -> None:
    async with a_world(empty_valkey_url, record_ttl_s=10 * UNUSED_TTL_S) as world:
        await world.learners.agree(ANNA, "s1")
        keys = learner_keys(ANNA)
        await world.store._redis.hdel(keys.record, "spoken")  # earlier versions kept each record for long
        await world.learners.agree(ANNA, "s2")
        for key in (keys.record, keys.sessions):
            assert await world.store._redis.ttl(key) > UNUSED_TTL_S
