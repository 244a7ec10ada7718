"""What Redis or a compatible server may refuse, and what the operator is told. In the tests, a stand-in takes the place
of Redis.

Sources: docs/compatibility.md names the report for each refusal.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from common.errors import UnavailableError
from gateway.clients.redis_store import RedisStore
from gateway.history import SessionState

Answer = Callable[[list[str]], str | None]
"""A command, in upper case, and its arguments → the error; None: the command succeeds."""


class StandIn:
    """A Redis that stores nothing. Each command succeeds unless `refuses` gives an error for it. Counts the
    connections, and keeps the names of the commands."""

    def __init__(self, refuses: Answer) -> None:
        self.refuses = refuses
        self.commands: list[str] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2].decode())
                words[0] = words[0].upper()
                self.commands.append(words[0])
                refusal = self.refuses(words)
                writer.write(f"-{refusal}\r\n".encode() if refusal else self.carried_out(words[0]))
        finally:
            writer.close()

    def carried_out(self, command: str) -> bytes:
        return {"EVALSHA": b":1\r\n", "PING": b"+PONG\r\n"}.get(command, b"+OK\r\n")


@asynccontextmanager
async def a_store(
    refuses: Answer, *, url: str = "redis://127.0.0.1:{}/0", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[RedisStore, StandIn]]:
    stand_in = StandIn(refuses)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        store = RedisStore(url.format(server.sockets[0].getsockname()[1]), ttl_s=60)
        try:
            yield store, stand_in
        finally:
            await store.close()


def to(command: str, refusal: str) -> Answer:
    return lambda words: refusal if words[0] == command else None


def every(refusal: str) -> Answer:
    return lambda words: None if words[0] in {"CLIENT", "SELECT"} else refusal


REFUSALS: dict[str, tuple[Answer, str]] = {
    "a user who may not run scripts": (
        to("EVALSHA", "NOPERM User app has no permissions to run the 'evalsha' command"),
        "refuses a command to the user",
    ),
    "a provider or proxy without scripts": (
        to("EVALSHA", "ERR unknown command 'EVALSHA', with args beginning with: '5f' '2' 'aitalk:{s}' 'words'"),
        "lacks a command",
    ),
    "a user who may run scripts, but not load them": (
        lambda words: {
            "EVALSHA": "NOSCRIPT No matching script. Please use EVAL.",
            "SCRIPT": "NOPERM User app has no permissions to run the 'script|load' command",
        }.get(words[0]),
        "refuses a command to the user",
    ),
    "loading": (every("LOADING Redis is loading the dataset in memory"), "is loading its data"),
    "busy with a script": (every("BUSY Redis is busy running a script. You can only call SCRIPT KILL"), "SCRIPT KILL"),
    "a replica without its master": (
        every("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
        "read-only replica",
    ),
    "a cluster without all slots": (every("CLUSTERDOWN The cluster is down"), "is a cluster"),
    "too few replicas": (to("EVALSHA", "NOREPLICAS Not enough good replicas to write."), "too few replicas"),
    "full": (to("EVALSHA", "OOM command not allowed when used memory > 'maxmemory'."), "is full"),
    "its disk is full": (
        to("EVALSHA", "MISCONF Errors writing to the AOF file: No space left on device"),
        "can't write to its disk, and so stores nothing; see its log",
    ),
    "no connection left": (every("ERR max number of clients reached"), "maxclients"),
    "an old or wrong password": (every("WRONGPASS invalid username-password pair or user is disabled."), "password"),
    "no password": (every("NOAUTH Authentication required."), "password"),
    "a daily limit": (every("ERR max daily request limit exceeded. Limit: 10000, Usage: 10001."), "provider's plan"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_the_message_when_redis_refuses(case: str) -> None:
    refuses, told = REFUSALS[case]
    async with a_store(refuses) as (store, _):
        problem = await store.problem()
        assert told in problem
        assert "words" not in problem
        state = SessionState(session_id="s", created_at=1.0, level="beginner", owner="g")
        with pytest.raises(UnavailableError, match=told):
            await store.create(state, "token")


@pytest.mark.parametrize("database", [3, 16])
async def test_a_database_that_is_not_there_is_named(database: int) -> None:
    told = "ERR DB index is out of range" if database == 16 else "ERR SELECT is not allowed in cluster mode"
    async with a_store(to("SELECT", told), url=f"redis://127.0.0.1:{{}}/{database}") as (store, _):
        assert "use /0" in await store.problem()


async def test_a_server_without_hello_or_client_works() -> None:
    """Redis 5, twemproxy, Codis and Envoy's proxy refuse HELLO 3, with which redis-py 8 begins by default. The store
    also works without CLIENT, CONFIG and INFO."""
    unknown = {"HELLO", "CLIENT", "CONFIG", "INFO"}
    async with a_store(lambda words: f"ERR unknown command '{words[0]}'" if words[0] in unknown else None) as (
        store,
        _,
    ):
        assert await store.problem() == ""


async def test_a_script_that_redis_has_forgotten_is_loaded_again() -> None:
    """Redis forgets scripts at a failover, at SCRIPT FLUSH and at a restart."""
    known: set[str] = set()

    def refuses(words: list[str]) -> str | None:
        if words[0] == "SCRIPT":
            known.add("script")
        return None if words[0] != "EVALSHA" or known else "NOSCRIPT No matching script. Please use EVAL."

    async with a_store(refuses) as (store, _):
        assert await store.problem() == ""


@pytest.mark.parametrize(
    "refusal",
    ["READONLY You can't write against a read only replica.", "MASTERDOWN Link with MASTER is down", "LOADING"],
)
async def test_a_command_that_a_failover_refuses_is_repeated_over_a_new_connection(refusal: str) -> None:
    async with a_store(lambda words: None) as (store, stand_in):
        stand_in.refuses = lambda words: refusal if stand_in.connections == 1 and words[0] == "EVALSHA" else None
        assert await store.problem() == ""
        assert stand_in.connections == 2


async def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    url = "rediss://localhost:{}/0"
    async with a_store(lambda _: None, url=url, tls=tls) as (store, _):
        assert "?ssl_ca_certs=FILE" in await store.problem()
    async with a_store(lambda _: None, url=f"{url}?ssl_ca_certs={tmp_path}/ca.pem", tls=tls) as (store, _):
        assert await store.problem() == ""
