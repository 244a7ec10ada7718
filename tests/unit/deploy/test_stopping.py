"""Containers end by themselves after a stop signal, before Docker or Kubernetes kills them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import Any

import pytest
import yaml

from gateway.config import GatewaySettings
from tests.support.mesh import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
LEAST_GRACE_S = 15  # in addition to the time for draining; see docs/operations.md
DRAIN_S = max(COMPOSE["x-settings"]["DRAIN_TIMEOUT_S"], GatewaySettings.model_fields["gateway_drain_timeout_s"].default)
DEPLOYMENTS = ["base/gateway", "base/asr", "base/llm", "base/tts", "components/vllm/vllm"]


def test_a_container_runs_the_service_itself_and_no_shell_that_keeps_signals_to_itself() -> None:
    """In wyoming-piper and soularr, a shell kept the signals to itself (docs/compatibility.md)."""
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    commands = [json.loads(line) for line in re.findall(r"^(?:CMD|ENTRYPOINT) (.*)$", dockerfile, re.MULTILINE)]
    assert commands
    for command in commands:
        assert command[0] != "sh" or command[2].startswith("exec ")


@pytest.mark.parametrize(("pid", "status"), [(1, 128 + signal.SIGTERM), (2, -signal.SIGTERM)])
def test_a_container_ends_while_its_service_is_imported(pid: int, status: int) -> None:
    """Linux ignores a signal to process 1 if that process has no handler for it. The test can't be process 1, so it
    starts a process with a made-up id, which sends itself the signal. With the id 1 a handler ends the process, with
    another id the signal itself does."""
    code = f"import os, signal; os.getpid = lambda: {pid}; import common; signal.raise_signal(signal.SIGTERM)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == status


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_kubernetes_waits_longer_than_a_drain(name: str) -> None:
    documents = yaml.safe_load_all((ROOT / "deploy" / "k8s" / f"{name}.yaml").read_text())
    pods: list[dict[str, Any]] = [one["spec"]["template"]["spec"] for one in documents if one["kind"] == "Deployment"]
    assert pods
    for pod in pods:
        assert pod["terminationGracePeriodSeconds"] >= DRAIN_S + LEAST_GRACE_S


def test_compose_waits_longer_than_a_drain() -> None:
    ours = [
        service for service in COMPOSE["services"].values() if "SERVICE" in service.get("build", {}).get("args", {})
    ]
    assert len(ours) == 7
    for service in ours:
        assert int(service["stop_grace_period"].removesuffix("s")) >= DRAIN_S + LEAST_GRACE_S
