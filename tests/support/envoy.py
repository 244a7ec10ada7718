"""The real Envoy with the deployed configuration, in front of replicas on this machine; and its counters."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.ports import free_ports
from tests.support.mesh import ROOT

CONFIGURATION = ROOT / "deploy/envoy/envoy.yaml"
ENVOY = str(Path(sys.executable).parent / "envoy")
START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Envoy:
    """ports: the ports on which it listens, by service."""

    ports: Mapping[str, int]
    admin: str

    def hosts(self, service: str) -> dict[int, dict[str, int]]:
        """Envoy's counters of each replica (rq_total, rq_active …), by the replica's port."""
        return {
            host["address"]["socket_address"]["port_value"]: {
                stat["name"]: int(stat.get("value", 0)) for stat in host["stats"]
            }
            for host in self._statuses(service)
        }

    def healthy(self, service: str) -> set[int]:
        """Ports of the replicas that Envoy sends streams to."""
        return {
            host["address"]["socket_address"]["port_value"]
            for host in self._statuses(service)
            if host["health_status"] == {"eds_health_status": "HEALTHY"}  # any other key names a check that failed
        }

    def stats(self, pattern: str) -> str:
        """The counters that are not 0 and whose names match the pattern."""
        lines = httpx.get(f"{self.admin}/stats", params={"filter": pattern, "usedonly": ""}).text.splitlines()
        return "\n".join(line for line in lines if not line.endswith(": 0"))

    def _statuses(self, service: str) -> list[Any]:
        clusters = httpx.get(f"{self.admin}/clusters", params={"format": "json"}).json()["cluster_statuses"]
        (found,) = (cluster for cluster in clusters if cluster["name"] == service)
        return list(found.get("host_statuses", ()))


def rendered(ports: Mapping[str, int], admin_port: int, replicas: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The deployed configuration. Only the addresses are replaced, by ports of this machine."""
    configuration: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    configuration["admin"]["address"]["socket_address"] = _address(admin_port)
    resources = configuration["static_resources"]
    for listener in resources["listeners"]:
        listener["address"]["socket_address"] = _address(ports[listener["name"]])
    for cluster in resources["clusters"]:
        (locality,) = cluster["load_assignment"]["endpoints"]
        locality["lb_endpoints"] = [
            {"endpoint": {"address": {"socket_address": _address(port)}}} for port in replicas[cluster["name"]]
        ]
    return configuration


def _address(port: int) -> dict[str, Any]:
    return {"address": "127.0.0.1", "port_value": port}


@contextmanager
def running_envoy(folder: Path, replicas: Mapping[str, Sequence[int]]) -> Iterator[Envoy]:
    """Run Envoy for the length of the block; yields once all replicas (ports, by service) are healthy."""
    *ports, admin_port = free_ports(len(replicas) + 1)
    envoy = Envoy(dict(zip(replicas, ports, strict=True)), f"http://127.0.0.1:{admin_port}")
    path, log_path = folder / "envoy.yaml", folder / "envoy.log"
    path.write_text(yaml.safe_dump(rendered(envoy.ports, admin_port, replicas)))
    command = [
        ENVOY,
        "--config-path",
        str(path),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--log-level",
        "warning",
    ]
    with log_path.open("ab") as log:
        process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, stdout=log, stderr=log)
    try:
        _wait_until_healthy(envoy, replicas, process, log_path)
        yield envoy
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_healthy(
    envoy: Envoy, replicas: Mapping[str, Sequence[int]], process: subprocess.Popen[bytes], log_path: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if all(envoy.healthy(service) == set(ports) for service, ports in replicas.items()):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"Envoy or a replica is not healthy:\n{log_path.read_text(errors='replace')}")
