"""Health checks of the processes of `make run`, each by the protocol of the process: gRPC, HTTP or Valkey's own.

A check never raises. It takes TIMEOUT_S at most. A process that is stopped or hangs gives no answer in that time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.grpc_client import open_channel
from common.security import Security
from deploy.lifeline import Sign

TIMEOUT_S = 5.0
LONGEST_ANSWER = 64 * 1024
_PROCESS_ID = re.compile(rb"^process_id:(\d+)", re.MULTILINE)
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

Check = Callable[[int], Awaitable[Sign]]
"""Takes the id of the process that should answer."""


async def check_model_server(address: str, security: Security | None = None) -> Sign:
    """Ask grpc.health.v1. A server that is loading its model answers, but does not serve yet."""
    async with open_channel(address, security) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return Sign.SILENT if error.code() in _NO_ANSWER else Sign.ANSWERS
    return Sign.SERVES if answer.status == health_pb2.HealthCheckResponse.SERVING else Sign.ANSWERS


async def check_gateway(host: str, port: int) -> Sign:
    """Ask for /health."""
    answer = await _ask(host, port, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return Sign.SERVES if b" 200 " in answer else Sign.SILENT


async def check_valkey(port: int, pid: int | None = None) -> Sign:
    """Ask with PING. A Valkey that is still reading its files answers -LOADING.

    pid: the process that should answer. If another one does, its answer doesn't count: the Valkey that should run here
    then can't listen, and ends.
    """
    answer = await _ask("127.0.0.1", port, b"PING\r\nINFO server\r\nQUIT\r\n")
    if pid and (found := _PROCESS_ID.search(answer)) and int(found[1]) != pid:
        return Sign.SILENT
    if answer.startswith(b"+PONG"):
        return Sign.SERVES
    return Sign.ANSWERS if answer.startswith(b"-") else Sign.SILENT


async def _ask(host: str, port: int, request: bytes) -> bytes:
    """The whole answer, until the server closes the connection; empty without a connection, or if time runs out."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                return await _all_of(reader)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < LONGEST_ANSWER and (more := await reader.read(LONGEST_ANSWER)):
        answer += more
    return answer
