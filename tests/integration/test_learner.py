"""A learner's second conversation begins with the usual pause that was measured in the first one. The gateways share a
real Valkey."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import jwt
import pytest

from common.errors import UnavailableError
from deploy.ports import free_ports
from gateway.clients.redis_store import RedisStore
from gateway.ports import EndOfTurn, SpeechStarted
from tests.support.conversation import RATE_HZ, transcript
from tests.support.gateway import TestGateway
from tests.support.learner import a_learner
from tests.support.mesh import running

TTL_S = 100
PCM = {"encoding": "pcm_s16le", "sample_rate": RATE_HZ}
ANNA, BORIS = "anna-0123456789abcdef", "boris-0123456789abcdef"
SECRET = "a secret that is long enough for HS256"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("valkey")
    with running("deploy.valkey", folder / "log", {"VALKEY_PORT": str(port), "VALKEY_DATA_DIR": str(folder)}):
        yield f"redis://127.0.0.1:{port}/0"


async def opened(url: str, learner_ttl_s: int = TTL_S) -> RedisStore:
    store = RedisStore(url, ttl_s=TTL_S, learner_ttl_s=learner_ttl_s)
    async with asyncio.timeout(10):
        while not await store.ping():
            await asyncio.sleep(0.05)
    return store


@pytest.fixture
async def store(url: str) -> AsyncIterator[RedisStore]:
    store = await opened(url)
    await store._redis.flushall()
    yield store
    await store.close()


async def usual_pause_heard_with(
    gateway: TestGateway, *, teaches_ms: int = 0, headers: dict[str, str] | None = None, **start: str
) -> int:
    """Hold a whole conversation. Returns the usual pause with which its recognition began."""
    gateway.asr.script = [
        (RATE_HZ // 10, SpeechStarted(0)),
        (RATE_HZ, EndOfTurn(transcript("so"), usual_pause_ms=teaches_ms)),
    ]
    begun = len(gateway.asr.patience)
    async with a_learner(gateway.ws, **(headers or {})) as learner:
        await learner.send(type="start", audio=PCM, **start)
        await learner.send(type="text", text="hello")
        await learner.hear_reply()  # the learner's data is loaded by now
        await learner.send_audio([bytes(3200)] * 11)
        await learner.wait_for("transcript", where=lambda message: message["text"] == "so")
        await learner.send(type="end_conversation")
        assert (await learner.wait_closed())[0] == 1000
    return gateway.asr.patience[begun].usual_pause_ms


async def test_the_second_conversation_begins_with_the_pause_of_the_first(store: RedisStore) -> None:
    first, second = TestGateway(store=store), TestGateway(store=store)
    async with first.running(), second.running():
        assert await usual_pause_heard_with(first, learner=ANNA, teaches_ms=900) == 0
        assert await usual_pause_heard_with(second, learner=ANNA) == 900
        assert await usual_pause_heard_with(second, learner=ANNA) == 900  # nothing was measured, so nothing changed
        assert await usual_pause_heard_with(second, learner=BORIS) == 0
        assert await usual_pause_heard_with(second) == 0


async def test_the_subject_of_a_token_is_the_learner_whatever_the_client_makes_up(store: RedisStore) -> None:
    def bearer(subject: str) -> dict[str, str]:
        token = jwt.encode({"sub": subject, "exp": time.time() + 60}, SECRET, "HS256")
        return {"Authorization": f"Bearer {token}"}

    async with (gateway := TestGateway(store=store)).running(jwt_secret=SECRET):
        await usual_pause_heard_with(gateway, headers=bearer("anna"), teaches_ms=900)
        assert await usual_pause_heard_with(gateway, headers=bearer("anna"), learner=BORIS) == 900
        assert await usual_pause_heard_with(gateway, headers=bearer("boris"), learner=BORIS) == 0


async def test_nobody_takes_a_subjects_pause_by_making_up_its_name(store: RedisStore) -> None:
    await store.keep_usual_pause(f"sub:{ANNA}", 900)
    async with (gateway := TestGateway(store=store)).running():
        assert await usual_pause_heard_with(gateway, learner=ANNA) == 0


async def test_all_that_is_kept_of_a_learner_is_the_pause_and_it_expires(store: RedisStore) -> None:
    await store.keep_usual_pause(ANNA, 900)
    (key,) = await store._redis.keys("*")
    assert ANNA not in key
    assert await store._redis.hgetall(key) == {"usual_pause_ms": "900"}
    assert 0 < await store._redis.ttl(key) <= TTL_S


async def test_without_a_time_to_live_nothing_is_kept(url: str, store: RedisStore) -> None:
    await store.keep_usual_pause(BORIS, 900)
    forgetful = await opened(url, learner_ttl_s=0)
    await forgetful.keep_usual_pause(ANNA, 900)
    assert await forgetful.usual_pause_ms(BORIS) == 0
    await forgetful.close()
    assert await store.usual_pause_ms(ANNA) == 0


async def test_a_store_that_is_away_is_reported() -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_ports(1)[0]}/0", ttl_s=TTL_S, learner_ttl_s=TTL_S)
    for asked in (store.usual_pause_ms(ANNA), store.keep_usual_pause(ANNA, 900)):
        with pytest.raises(UnavailableError, match="Redis can't be reached"):
            await asked
    await store.close()
