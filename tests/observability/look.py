"""`python -m tests.observability.look`: shows which panels and alerts have data after real conversations on a real
mesh.

It runs a mesh with the bundled models and a Prometheus that scrapes it. Some learners talk; another one interrupts a
reply, causes an error and ends the conversation. Then it runs every query of the dashboards, the alerts and KEDA's
triggers in Prometheus, and prints a line for each. The exit status says whether Prometheus accepted all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.ports import free_ports
from tests.observability.observed import an_observed_mesh, converse, interrupt
from tests.observability.queries import ALERTS, shipped
from tests.support.learner import a_learner
from tests.support.mesh import Mesh

SCRAPE_S = 1
SETTLE_S = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", default="prometheus", help="the binary; Debian's package is called prometheus")
    parser.add_argument("--learners", type=int, default=2, help="how many talk at once (default: 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with an_observed_mesh(folder) as observed, prometheus(options.prometheus, folder, observed.metrics) as url:
            asyncio.run(everything_happens(observed.mesh, options.learners))
            time.sleep(SETTLE_S * SCRAPE_S)
            return show(url)


async def everything_happens(mesh: Mesh, learners: int) -> None:
    """Hold conversations for the panels: complete and interrupted replies, an error, an analysis."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(learners):
            tasks.create_task(converse(mesh))
    async with a_learner(mesh.ws) as learner:
        await interrupt(learner)
        await learner.send(type="text", text=" ")  # causes an error
        await learner.send(type="end_conversation")
        await learner.wait_for("analysis", timeout_s=90)


@contextmanager
def prometheus(binary: str, folder: Path, targets: dict[str, str]) -> Iterator[str]:
    """Run a Prometheus that scrapes `targets` and has our alerts; yields its address."""
    (port,) = free_ports(1)
    config = folder / "prometheus.yml"
    jobs = [{"job_name": name, "static_configs": [{"targets": [address]}]} for name, address in targets.items()]
    intervals = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    config.write_text(yaml.safe_dump({"global": intervals, "rule_files": [str(ALERTS)], "scrape_configs": jobs}))
    address = f"127.0.0.1:{port}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        while httpx_status(f"http://{address}/-/ready") != httpx.codes.OK:
            assert process.poll() is None, (folder / "prometheus.log").read_text()
            time.sleep(0.2)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def httpx_status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def show(url: str) -> int:
    """Run every query and print what it returns; then print the state of each alert. Returns the exit status."""
    failed = 0
    for query in shipped():
        answer: dict[str, Any] = httpx.get(f"{url}/api/v1/query", params={"query": query.expr}).json()
        if answer["status"] != "success":
            failed += 1
            print(f"REFUSED  {query.where}: {answer['error']}")
            continue
        values = [float(series["value"][1]) for series in answer["data"]["result"]]
        numbers = [value for value in values if math.isfinite(value)]
        word = "data" if numbers else "no data"
        print(f"{word:8} {query.where}: " + (", ".join(f"{value:.3g}" for value in numbers) or query.expr))
    groups = httpx.get(f"{url}/api/v1/rules").json()["data"]["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        failed += rule["health"] != "ok"
        print(f"alert    {rule['name']}: {rule['health']}, {rule['state']}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
