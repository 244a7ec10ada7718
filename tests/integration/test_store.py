"""Session state in a real Valkey."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common.errors import UnavailableError
from deploy.ports import free_ports
from gateway.app import connect
from gateway.clients import redis_store
from gateway.clients.redis_store import LEFT_TTL_S, UNTOLD_TTL_S, RedisStore
from gateway.config import GatewaySettings
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, PartnerTurn, SessionState, Turn, Word
from gateway.outbox import Outbox
from gateway.ports import SessionTakenError, SessionUnknownError, WrongTokenError
from gateway.scenarios import load_library
from tests.support.mesh import RunningProcess, running

TTL_S = 100
STATE = SessionState(session_id="abc", created_at=1.0, level="beginner", owner="g1")
TURNS: list[Turn] = [
    LearnerTurn(
        turn_id="1", text="Good morning", started_s=0.5, words=(Word(text="Good", start_s=0, end_s=0.2, confidence=1),)
    ),
    PartnerTurn(turn_id="2", text="Hello", generated_text="Hello there", interrupted=True, started_s=2.5),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("valkey")


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


def start(folder: Path, port: int) -> Iterator[RunningProcess]:
    settings = {"VALKEY_PORT": str(port), "VALKEY_DATA_DIR": str(folder)}
    with running("deploy.valkey", folder / "log", settings) as process:
        yield process


@pytest.fixture(scope="module", autouse=True)
def valkey(folder: Path, port: int) -> Iterator[RunningProcess]:
    yield from start(folder, port)


@pytest.fixture
async def store(port: int) -> AsyncIterator[RedisStore]:
    opened = RedisStore(f"redis://127.0.0.1:{port}/0", ttl_s=TTL_S)
    async with asyncio.timeout(10):
        while not await opened.ping():
            await asyncio.sleep(0.05)
    await opened._redis.flushall()
    yield opened
    await opened.close()


async def test_a_session_comes_back_as_it_was(store: RedisStore) -> None:
    await store.create(STATE, "token")
    for turn in TURNS:
        await store.append(STATE, turn)
    state, turns = await store.resume("abc", "token", "g2")
    assert turns == TURNS
    assert (state.level, state.owner, state.epoch) == ("beginner", "g2", 2)


async def test_a_clients_key_is_kept_under_a_digest_until_it_expires(store: RedisStore) -> None:
    assert await store.keep_client_secret("a", "ek_secret", '{"client": "a"}', 60)
    assert await store.client_secret("ek_secret") == '{"client": "a"}'
    assert await store.client_secret("ek_other") is None
    (key,) = await store._redis.keys("aitalk:client_secret:*")
    assert "ek_secret" not in key
    assert 0 < await store._redis.ttl(key) <= 60


async def test_the_keys_of_one_client_hold_so_much_until_they_expire(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "MAX_SECRETS_BYTES", 2 * (redis_store.SECRET_BYTES + 2))
    for name in ("one", "two", "two"):  # a write that is repeated counts once
        assert await store.keep_client_secret("ann", name, "{}", 60)
    assert not await store.keep_client_secret("ann", "three", "{}", 60)
    assert await store.client_secret("three") is None
    assert await store.keep_client_secret("ben", "three", "{}", 60)
    (valid,) = [key for key in await store._redis.keys("*:secrets") if await store._redis.zcard(key) == 2]
    assert "ann" not in valid
    first = (await store._redis.zrange(valid, 0, 0))[0]
    await store._redis.zadd(valid, {str(first): 0})  # as if this key had expired
    assert await store.keep_client_secret("ann", "four", "{}", 60)
    assert not await store.keep_client_secret("ann", "five", "{}", 60)
    assert all([await store._redis.ttl(key) > 0 for key in await store._redis.keys("*")])


async def test_all_gateways_have_one_key_for_resume_tokens_and_a_store_that_lost_it_gets_it_again(
    store: RedisStore, port: int
) -> None:
    other = RedisStore(f"redis://127.0.0.1:{port}/0", ttl_s=TTL_S)
    key = await store.resume_key()
    assert (len(key), await other.resume_key()) == (64, key)
    await store._redis.flushall()
    assert await other.resume_key() == key
    await other.close()
    away = RedisStore("redis://127.0.0.1:1/0", ttl_s=TTL_S)
    assert await away.resume_key() == await away.resume_key() != key
    await away.close()


async def test_a_turn_is_replaced_at_its_place(store: RedisStore) -> None:
    await store.create(STATE, "token")
    for turn in TURNS:
        await store.append(STATE, turn)
    await store.append(STATE, TURNS[1], at=0)
    assert (await store.resume("abc", "token", "g2"))[1] == [TURNS[1], *TURNS[1:]]


async def test_turns_can_be_rewritten_by_the_newest_connection_only(store: RedisStore) -> None:
    await store.create(STATE, "token")
    for turn in TURNS:
        await store.append(STATE, turn)
    await store.rewrite(STATE, TURNS[::-1])
    newer, turns = await store.resume("abc", "token", "g2")
    assert turns == TURNS[::-1]
    with pytest.raises(SessionTakenError):
        await store.rewrite(STATE, TURNS)
    await store.rewrite(newer, [])
    assert (await store.resume("abc", "token", "g3"))[1] == []


async def test_the_subject_of_a_session_comes_back_as_it_was(store: RedisStore) -> None:
    for subject in (
        {"scenario": load_library().scenarios["cafe"].for_session(), "partner_begins": True},
        {"instructions": "You are a pirate."},
    ):
        kept = STATE.model_copy(update=subject)
        await store.create(kept, "token")
        state, _ = await store.resume("abc", "token", "g2")
        assert state == kept.model_copy(update={"owner": "g2", "epoch": 2})


async def test_no_secret_is_stored(store: RedisStore) -> None:
    await store.create(STATE, "a-very-secret-token")
    assert "a-very-secret-token" not in str(await store._redis.hgetall("aitalk:session:{abc}"))


async def test_a_wrong_token_and_an_unknown_session_are_told_apart(store: RedisStore) -> None:
    await store.create(STATE, "token")
    with pytest.raises(WrongTokenError, match="resume_token"):
        await store.resume("abc", "guess", "g2")
    with pytest.raises(SessionUnknownError):
        await store.resume("xyz", "token", "g2")
    await store.append(STATE, TURNS[0])  # this works, because the refused calls have changed nothing


@pytest.mark.parametrize("field", ["state", "token", "turns"])
async def test_a_session_that_can_not_be_read_is_unknown(store: RedisStore, field: str) -> None:
    await store.create(STATE, "token")
    await store.append(STATE, TURNS[0])
    if field == "turns":
        await store._redis.lset("aitalk:session:{abc}:turns", 0, '{"who":"nobody"}')
    elif field == "state":
        await store._redis.hset("aitalk:session:{abc}", "state", "{")
    else:
        await store._redis.hdel("aitalk:session:{abc}", "token")
    with pytest.raises((SessionUnknownError, WrongTokenError)):
        await store.resume("abc", "token", "g2")


async def test_only_the_newest_connection_writes(store: RedisStore) -> None:
    await store.create(STATE, "token")
    newer, _ = await store.resume("abc", "token", "g2")
    with pytest.raises(SessionTakenError):
        await store.append(STATE, TURNS[0])
    with pytest.raises(SessionTakenError):
        await store.save(STATE)
    await store.append(newer, TURNS[0])
    assert len((await store.resume("abc", "token", "g3"))[1]) == 1


async def test_both_keys_live_for_a_while_after_the_last_change(store: RedisStore) -> None:
    await store.create(STATE, "token")
    await store._redis.expire("aitalk:session:{abc}", 5)
    await store.append(STATE, TURNS[0])
    for key in ("aitalk:session:{abc}", "aitalk:session:{abc}:turns"):
        assert 5 < await store._redis.ttl(key) <= TTL_S


async def test_a_session_that_is_left_without_a_turn_is_soon_forgotten(port: int) -> None:
    store = RedisStore(f"redis://127.0.0.1:{port}/0", ttl_s=7 * 86_400)
    await store._redis.flushall()
    try:
        await store.create(STATE, "token")
        assert LEFT_TTL_S < await store._redis.ttl("aitalk:session:{abc}") <= UNTOLD_TTL_S
        await store.leave("abc")
        assert 0 < await store._redis.ttl("aitalk:session:{abc}") <= LEFT_TTL_S
        await store.append(STATE, TURNS[0])
        assert await store._redis.ttl("aitalk:session:{abc}") > UNTOLD_TTL_S
    finally:
        await store.close()


async def test_a_session_that_is_gone_is_not_written_anew(store: RedisStore) -> None:
    await store.create(STATE, "token")
    await store.delete("abc")
    with pytest.raises(UnavailableError, match="lost"):
        await store.append(STATE, TURNS[0])
    assert await store._redis.keys("*") == []


async def test_a_gateway_that_ends_saves_what_waits_to_be_saved(store: RedisStore, port: int) -> None:
    settings = GatewaySettings(_env_file=None, redis_url=f"redis://127.0.0.1:{port}/0")
    async with connect(settings) as (ports, *_):
        record = ConversationRecord(STATE, ports.store, outbox := Outbox())
        await record.create("token")
        record.turns += TURNS
        ports.store.save_later(record)
    outbox.close()
    assert [message async for message in outbox] == []
    assert (await store.resume("abc", "token", "g2"))[1] == TURNS


async def test_conversations_outlive_the_server(
    store: RedisStore, valkey: RunningProcess, folder: Path, port: int
) -> None:
    await store.create(STATE, "token")
    await store.append(STATE, TURNS[0])
    valkey.stop(signal.SIGTERM)
    with pytest.raises(UnavailableError, match="Redis"):
        await store.append(STATE, TURNS[1])
    for _ in start(folder, port):
        async with asyncio.timeout(10):
            while not await store.ping():
                await asyncio.sleep(0.05)
        assert (await store.resume("abc", "token", "g2"))[1] == TURNS[:1]


async def test_a_missing_server_is_reported_as_away() -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_ports(1)[0]}/0", ttl_s=TTL_S)
    assert not await store.ping()
    with pytest.raises(UnavailableError, match="Redis can't be reached"):
        await store.create(STATE, "token")
    await store.close()
