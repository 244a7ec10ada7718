"""A container's health check distinguishes a service that serves from one that doesn't."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from common.health import is_gateway_healthy, is_serving
from common.security import Security

Status = health_pb2.HealthCheckResponse


@pytest.fixture
async def servicer_and_address() -> AsyncIterator[tuple[health.aio.HealthServicer, str]]:
    server, servicer = grpc.aio.server(), health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


async def test_a_model_server_is_healthy_while_it_serves(
    servicer_and_address: tuple[health.aio.HealthServicer, str],
) -> None:
    servicer, address = servicer_and_address
    await servicer.set("", Status.NOT_SERVING)
    assert not await is_serving(address, Security())
    await servicer.set("", Status.SERVING)
    assert await is_serving(address, Security())


async def test_a_proxy_of_the_environment_does_not_stand_between_our_processes(
    servicer_and_address: tuple[health.aio.HealthServicer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source: the case `http_proxy.sh` in docs/compatibility.md."""
    servicer, address = servicer_and_address
    await servicer.set("", Status.SERVING)
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert await is_serving(address, Security())


async def test_where_nothing_listens_nothing_is_healthy(
    servicer_and_address: tuple[health.aio.HealthServicer, str],
) -> None:
    assert not await is_serving("127.0.0.1:1", Security())
    assert not is_gateway_healthy("http://127.0.0.1:1/health")


class _Broken(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_the_gateway_is_healthy_when_it_answers_so() -> None:
    with HTTPServer(("127.0.0.1", 0), _Broken) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert is_gateway_healthy(f"{url}/health")
        assert not is_gateway_healthy(f"{url}/broken")
        server.shutdown()
