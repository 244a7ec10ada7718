"""`python -m common.health asr`: checks the service on this machine. Exit status 0 (healthy) or 1, for containers.

A model server (asr, llm, tts) is healthy if grpc.health.v1 says SERVING on its default port; with TLS, its certificate
must name the service. The gateway is healthy if `/health` answers.
"""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from common.grpc_client import open_channel
from common.security import Security
from common.settings import ProcessSettings

TIMEOUT_S = 4.0
PORTS = {"asr": 50051, "llm": 50052, "tts": 50053}
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # ignores http_proxy
GATEWAY = "http://127.0.0.1:8000/health"


def is_gateway_healthy(url: str) -> bool:
    """Whether the gateway at `url` answers."""
    try:
        with _NO_PROXY.open(url, timeout=TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def is_serving(address: str, security: Security, *, name: str = "") -> bool:
    """Whether the model server at `address` says SERVING."""
    async with open_channel(address, security, name=name) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main(service: str) -> bool:
    """Whether `service` (gateway, asr, llm or tts) on this machine is healthy."""
    if service == "gateway":
        return is_gateway_healthy(GATEWAY)
    security = Security.of(ProcessSettings())
    return asyncio.run(is_serving(f"127.0.0.1:{PORTS[service]}", security, name=service if security.has_tls else ""))


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1]))
