"""A model server's metrics port: who may read it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.metrics_port import serve_metrics
from common.settings import ModelServerSettings
from deploy.ports import free_ports

PROMETHEUS = {"Authorization": "Bearer prometheus"}


def scraped(headers: dict[str, str], **settings: Any) -> int | None:
    """The status of a scrape; None if the port is closed."""
    (port,) = free_ports(1)
    server = serve_metrics(ModelServerSettings(_env_file=None, metrics_port=port, **settings))
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", headers=headers).status_code
    except httpx.ConnectError:
        return None
    finally:
        if server:
            server.shutdown()
            server.server_close()


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_metrics_port_with_a_token_serves_only_who_has_it(environment: str) -> None:
    given = {"environment": environment, "metrics_token": "prometheus"}
    assert scraped(PROMETHEUS, **given) == 200
    for stranger in ({}, {"Authorization": "Bearer another"}, {"Authorization": "prometheus"}):
        assert scraped(stranger, **given) == 401


def test_a_metrics_port_without_a_token_is_closed_in_production() -> None:
    assert scraped({}) == 200
    assert scraped({}, environment="production") is None
    assert scraped(PROMETHEUS, environment="production") is None
