#!/usr/bin/env bash
# Finding: if a request is cancelled just after its connection was opened, httpx keeps this connection for ever.
#
# Version: httpx 0.28.1 with httpcore 1.0.9 and anyio 4.16.0, CPython 3.11, Linux.
# Expected: a cancelled request closes its connection, or leaves it idle in the pool for the next one.
# Seen: a task that is cancelled at the right moment (while it waits for the lock of the new connection) leaves a
#   connection in the pool that is neither used nor idle (`HTTP/1.1, NEW, Request Count: 0`). Nothing ever closes it or
#   uses it: the socket stays open, in CLOSE_WAIT once the server has closed its end. With the default limit of 100
#   connections, 100 such moments leave a client that only raises PoolTimeout.
# Who is hurt: programs that stream from a language model and are interrupted: each interruption cancels a request.
#   A service with 2,500 short conversations had lost one to two connections.
# Valid input: GET requests to a server in the same process that answers at once. They are cancelled after 0, 1, 2 …
#   steps of the event loop. Fails unless at least one connection stays in the pool after all requests have ended.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpcore==1.0.9 anyio==4.16.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import contextlib
import sys

import httpx

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answer(reader, writer):
    with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    stuck = {}
    for moment in range(60):
        async with httpx.AsyncClient(trust_env=False) as client:
            asking = asyncio.create_task(client.get(url))
            for _ in range(moment):
                await asyncio.sleep(0)
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            await asyncio.sleep(0.02)
            if left := [one for one in client._transport._pool.connections if not one.is_idle()]:
                stuck[moment] = left
                print(f"cancelled after {moment} turns of the loop: {left[0].info()}, reused: "
                      f"{left[0].is_available()}, expires: {left[0].has_expired()}")
    return bool(stuck)


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON
