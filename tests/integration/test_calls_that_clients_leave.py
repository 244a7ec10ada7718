"""A client leaves while the server writes. That causes no error, and nothing in the log that looks like an error."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
import pytest

from common.grpc_interceptor import ServiceInterceptor
from common.metrics import CALLS

METHOD = "/aitalk.test.v1.TestService/Talk"


class Talker(grpc.GenericRpcHandler):
    """Writes from `tasks` tasks until a write fails."""

    def __init__(self, tasks: int) -> None:
        self.over = asyncio.Event()
        self._tasks = tasks

    def service(self, handler_call_details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(self.talk)

    async def talk(self, _requests: Any, context: Any) -> None:
        one_at_a_time = asyncio.Lock()  # gRPC allows one write at a time

        async def write() -> None:
            while True:
                async with one_at_a_time:
                    await context.write(b"a" * 1000)
                await asyncio.sleep(0)

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._tasks):
                    tasks.create_task(write())
        except asyncio.CancelledError:
            # Go on writing, like a service that does not notice that gRPC has cancelled the call. The writes fail.
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self._tasks):
                    tasks.create_task(write())
        finally:
            self.over.set()


@pytest.mark.parametrize("tasks", [1, 3])
async def test_a_client_that_leaves_is_no_bug(tasks: int, caplog: pytest.LogCaptureFixture) -> None:
    interceptor = ServiceInterceptor()
    interceptor.ready = True
    server = grpc.aio.server(interceptors=[interceptor])
    server.add_generic_rpc_handlers([talker := Talker(tasks)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    counted = CALLS.labels("TestService/Talk", "CANCELLED")
    before = counted._value.get()
    with caplog.at_level(logging.WARNING):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call: Any = channel.stream_stream(METHOD)()
            assert await call.read() == b"a" * 1000
            call.cancel()
        async with asyncio.timeout(10):
            await talker.over.wait()
            await interceptor.wait_until_idle()
        await server.stop(None)
    assert counted._value.get() == before + 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
