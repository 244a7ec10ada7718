"""Real Valkeys restart, fail over, and get many writes at once.

Sources: the cases `redis_failover.py`, `redis_pool_100.py` and `redis_stale_pool.py` in docs/compatibility.md.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis.asyncio as redis

from common.errors import UnavailableError
from deploy.ports import free_ports
from gateway.admission.redis_limits import Beat, Entry, RedisLimits
from gateway.admission.redis_seats import RedisSeats
from gateway.clients.redis_client import reachable
from gateway.clients.redis_learners import RedisLearners
from gateway.clients.redis_store import LEFT_TTL_S, UNTOLD_TTL_S, RedisStore
from gateway.config import GatewaySettings
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, SessionState, Turn
from gateway.outbox import Outbox
from gateway.ports import SessionLostError, SessionTakenError
from gateway.ports.learner_record import WordToKeep
from gateway.progress.review import new_word
from gateway.protocol import ErrorMessage
from tests.support.mesh import ROOT, RunningProcess, running
from tests.support.progress import an_entry

TTL_S = 100_000


def state(number: int) -> SessionState:
    return SessionState(session_id=f"s{number}", created_at=1.0, level="beginner", owner="g1")


def turn(number: int) -> Turn:
    return LearnerTurn(turn_id=str(number), text="Good morning", started_s=0.5)


@contextmanager
def valkey(folder: Path, port: int, name: str) -> Iterator[RunningProcess]:
    settings = {"VALKEY_PORT": str(port), "VALKEY_DATA_DIR": str(folder / name)}
    with running("deploy.valkey", folder / f"{name}.log", settings) as process:
        yield process


@asynccontextmanager
async def opened(port: int) -> AsyncIterator[RedisStore]:
    store = RedisStore(f"redis://127.0.0.1:{port}/0", ttl_s=TTL_S)
    async with asyncio.timeout(10):
        while await store.problem():
            await asyncio.sleep(0.02)
    try:
        yield store
    finally:
        await store.close()


async def everyone_says(store: RedisStore, learners: int, number: int) -> int:
    """Every learner says something at the same moment. Returns how many of these turns were not stored."""
    said = (store.append(state(learner), turn(number), at=number) for learner in range(learners))
    return sum(isinstance(result, UnavailableError) for result in await asyncio.gather(*said, return_exceptions=True))


async def test_many_at_once_and_a_restart_cost_nobody_a_turn(tmp_path: Path) -> None:
    port, learners = free_ports(1)[0], 300
    with valkey(tmp_path, port, "v") as first:
        async with opened(port) as store:
            await asyncio.gather(*(store.create(state(learner), "token") for learner in range(learners)))
            assert await everyone_says(store, learners, 0) == 0
            first.stop(signal.SIGTERM)
            assert "can't be reached" in await store.problem()
            with valkey(tmp_path, port, "v"):
                async with asyncio.timeout(10):
                    while await store.problem():
                        await asyncio.sleep(0.02)
                assert await everyone_says(store, learners, 1) == 0
                assert await store._redis.llen("aitalk:session:{s7}:turns") == 2


async def test_after_a_failover_turns_go_to_the_new_master_and_what_it_lacks_is_written_again(tmp_path: Path) -> None:
    old_port, new_port = free_ports(2)
    master = old_port

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client to the present master. This stands for the host name that a failover moves."""
        up, down = await asyncio.open_connection("127.0.0.1", master)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, down), pump(up, writer), return_exceptions=True)

    with valkey(tmp_path, old_port, "old"), valkey(tmp_path, new_port, "new"):
        server = await asyncio.start_server(forward, "127.0.0.1", 0)
        async with server, opened(server.sockets[0].getsockname()[1]) as store, opened(new_port) as new:
            outbox = Outbox()
            record = ConversationRecord(state(1), store, outbox)
            await record.create("token")
            await record.remember(turn(0))
            old = redis.Redis(port=old_port)
            master = new_port  # the new master knows no session, because nothing was replicated
            await old.replicaof("127.0.0.1", new_port)
            await record.remember(turn(1))
            await record.remember(turn(2))
            assert (await new.resume("s1", "token", "g2"))[1] == [turn(0), turn(1), turn(2)]
            await old.replicaof("NO", "ONE")  # otherwise the master waits for its replicas when it ends
            await old.aclose()
            outbox.close()
            assert [message async for message in outbox] == []


async def test_unsaved_turns_are_saved_as_soon_as_possible(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    store = RedisStore(f"redis://127.0.0.1:{port}/0", ttl_s=TTL_S)
    outbox = Outbox()
    record = ConversationRecord(state(1), store, outbox)
    await record.create("token")
    await record.remember(turn(0))
    await record.remember(turn(1))
    saving = asyncio.create_task(store.unsaved.keep_saving())
    with valkey(tmp_path, port, "v"):
        async with asyncio.timeout(20):
            while await store.problem() or not await store.knows("s1", "token"):
                await asyncio.sleep(0.05)
        await record.remember(turn(2))
        resumed, turns = await store.resume("s1", "token", "g2")
        assert (turns, resumed.epoch) == ([turn(0), turn(1), turn(2)], 2)
        with pytest.raises(SessionTakenError):
            await record.remember(turn(3))
    saving.cancel()
    await store.close()
    outbox.close()
    told = [message async for message in outbox]
    assert [message.code for message in told if isinstance(message, ErrorMessage)] == ["not_saved"]


async def test_a_learner_who_comes_back_after_an_outage_has_all_that_was_said_in_it(tmp_path: Path) -> None:
    """The learner's connection broke in the outage, too. The session is resumed before `keep_saving` has written it."""
    port = free_ports(1)[0]
    store = RedisStore(f"redis://127.0.0.1:{port}/0", ttl_s=TTL_S)
    outbox = Outbox()
    record = ConversationRecord(state(1), store, outbox)
    await record.create("token")
    await record.remember(turn(0))
    with valkey(tmp_path, port, "v"):
        async with asyncio.timeout(10):
            while await store.problem():
                await asyncio.sleep(0.02)
        assert (await store.resume("s1", "token", "g1"))[1] == [turn(0)]
    await store.close()
    outbox.close()
    assert [message.code async for message in outbox if isinstance(message, ErrorMessage)] == ["not_saved"]


async def test_a_write_to_a_connection_that_was_reset_is_no_bug() -> None:
    """uvloop raises RuntimeError for such a write. Once, that ended 30 sessions together."""
    closed = "unable to perform operation on <TCPTransport closed=True reading=False 0x0>; the handler is closed"
    with pytest.raises(UnavailableError, match="can't be reached"):
        async with reachable():
            raise RuntimeError(closed)
    with pytest.raises(RuntimeError, match="a bug"):
        async with reachable():
            raise RuntimeError("a bug")


async def test_a_write_that_is_repeated_changes_nothing_and_missing_turns_are_noticed(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    with valkey(tmp_path, port, "v"):
        async with opened(port) as store:
            await store.create(state(1), "token")
            for _ in range(2):
                await store.append(state(1), turn(0), at=0)
            assert (await store.resume("s1", "token", "g2"))[1] == [turn(0)]
            with pytest.raises(SessionLostError):
                await store.append(state(1).model_copy(update={"epoch": 2}), turn(2), at=2)
            key = "aitalk:session:{s2}"
            await store.create(state(2), "token")
            assert UNTOLD_TTL_S - 10 < await store._redis.ttl(key) <= UNTOLD_TTL_S
            await store.save(state(2))
            assert await store._redis.ttl(key) <= UNTOLD_TTL_S
            await store.leave("s2")
            assert await store._redis.ttl(key) <= LEFT_TTL_S
            await store.append(state(2), turn(0), at=0)
            assert await store._redis.ttl(key) > UNTOLD_TTL_S
            await store._redis.config_set("maxmemory", "1")
            assert "full" in await store.problem()
            await store._redis.config_set("maxmemory", "0")
            await store._redis.replicaof("127.0.0.1", 1)
            assert "read-only" in await store.problem()


@pytest.mark.parametrize("url", ["redis+cluster://a:1", "redis+sentinel://a:1", "http://a", "redis//a", "redis://a:b"])
def test_a_url_that_cannot_be_used_is_refused_at_start(url: str) -> None:
    with pytest.raises(ValueError, match="REDIS_URL"):
        GatewaySettings(_env_file=None, redis_url=url)


async def test_a_user_who_may_only_do_what_the_page_lists(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    page = (ROOT / "docs" / "compatibility.md").read_text()
    commands = page.split("<!-- redis-commands -->")[1].split("```")[1].split()
    with valkey(tmp_path, port, "v"):
        async with opened(port):  # wait until it has started
            pass
        async with redis.Redis(port=port) as admin:
            rights = [f"+{command.lower()}" for command in commands]
            await admin.acl_setuser("app", enabled=True, passwords=["+secret"], keys=["aitalk:*"], commands=rights)
        url = f"redis://app:secret@127.0.0.1:{port}/0"
        store = RedisStore(url, ttl_s=TTL_S, learner_ttl_s=TTL_S)
        seats, limits = RedisSeats(url, longest_keep_s=TTL_S), RedisLimits(url)
        learners = RedisLearners(url, store, ttl_s=TTL_S, session_ttl_s=TTL_S)
        assert await store.problem() == ""
        await store.create(state(1), "token")
        await store.append(state(1), turn(0), at=0)
        await store.rewrite(state(1), [turn(0), turn(1)])
        assert (await store.resume("s1", "token", "g2"))[1] == [turn(0), turn(1)]
        await store.keep_usual_pause("ann", 700)
        assert await store.usual_pause_ms("ann") == 700
        assert await store.keep_client_secret("ann", "ek", "{}", 60)
        assert await store.client_secret("ek") == "{}"
        assert await store.resume_key()
        await store.leave("s1")
        await store.delete("s1")
        assert (await seats.beat(["a"], ["b"], capacity=1, queue_max=5)).places == (1,)
        assert await seats.place_key()
        assert await seats.claim("b", "a", must_be_there=True)
        await seats.come_back("x", "y")
        await seats.leave("a", keep_s=1, held_s=1)
        assert await limits.enter("c", "1", most=2, per_minute=5) == Entry()
        assert len(await limits.beat([Beat("c", ["1"], 1.0)])) == 1
        await limits.leave("c", "1")
        record = await learners.agree("own:ann", "s1")
        await learners.add_conversation("own:ann", record, "s1", an_entry(), ["word"])
        await learners.put_word("own:ann", new_word(WordToKeep(word="word"), datetime.now(UTC)))
        assert await learners.drop_word("own:ann", "en", "word")
        assert await learners.read("own:ann")
        assert (await learners.erase("own:ann")).conversations == 1
        for one in (learners, store, seats, limits):
            await one.close()
