"""`python -m common.health`: is the process in this container healthy? Exit status 0 or 1, for container health checks.

A model server: grpc.health.v1 says SERVING. The gateway: `/health` answers.
"""

from __future__ import annotations

import sys
import urllib.request
from typing import Any, Literal

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic_settings import BaseSettings

TIMEOUT_S = 4.0


class HealthSettings(BaseSettings):
    """AITALK_SERVICE is set in the image; the ports are the service's own settings."""

    aitalk_service: Literal["gateway", "asr", "llm", "tts"]
    port: int = 8000
    asr_port: int = 50051
    llm_port: int = 50052
    tts_port: int = 50053


def is_healthy(settings: HealthSettings) -> bool:
    """Whether the service on this machine can be used."""
    if settings.aitalk_service == "gateway":
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/health", timeout=TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
    port = {"asr": settings.asr_port, "llm": settings.llm_port, "tts": settings.tts_port}[settings.aitalk_service]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(not is_healthy(HealthSettings()))
