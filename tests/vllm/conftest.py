"""A real vLLM under a real llm_service, and the mesh around them. `make test-vllm` prepares what they need."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from deploy.ports import free_ports
from llm_service.servers.backend_metrics import BackendLoad, parse_metrics
from tests.support.mesh import ROOT, Mesh, RunningProcess, running, running_mesh

MODEL = ROOT / ".venv-vllm" / "smollm2"
START_TIMEOUT_S = 600.0  # importing vLLM takes half a minute on a busy processor
SETTINGS = {
    "LLM_ENGINE": "vllm",  # without this, the bundled llama.cpp would be used, because there is no GPU
    "LLM_MODEL_NAME": str(MODEL),
    "LLM_GPU_MEMORY_UTILIZATION": "0.1",  # a share of the machine's memory, which is the "GPU" of the CPU build
    "LLM_MAX_STREAMS": "4",
    "LLM_VLLM_ARGS": "--enforce-eager",  # this turns compiling off, which takes minutes on two cores
    "LLM_TEMPERATURE": "0",
}


@dataclass(frozen=True)
class LlmProcess:
    """`python -m llm_service`, which runs vLLM."""

    process: RunningProcess
    port: int
    metrics_port: int

    async def vllm(self) -> BackendLoad:
        """vLLM's own metrics, from the port that the log names."""
        vllm_port = re.findall(r"vllm starts as process \d+ on port (\d+)", self.process.log)[-1]
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return parse_metrics((await client.get(f"http://127.0.0.1:{vllm_port}/metrics")).text)

    async def tokens_of_the_aborted(self) -> float:
        """The number of tokens that vLLM has written for aborted requests. Call it while no request runs.

        vLLM counts tokens twice: in one counter as they come, in another when their request is completed. The tokens of
        an aborted request are only in the first. vLLM 0.32 doesn't count aborted requests themselves:
        `request_success_total{finished_reason="abort"}` stays 0.
        """
        vllm_port = re.findall(r"vllm starts as process \d+ on port (\d+)", self.process.log)[-1]
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            text = (await client.get(f"http://127.0.0.1:{vllm_port}/metrics")).text
        written, ended = (
            sum(float(value) for value in re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE))
            for name in ("generation_tokens_total", "request_generation_tokens_sum")
        )
        return written - ended

    async def exported(self, name: str) -> float | None:
        """A value from our own /metrics."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            text = (await client.get(f"http://127.0.0.1:{self.metrics_port}/metrics")).text
        found = re.search(rf'^{name}{{backend="vllm"}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else None


@pytest.fixture(scope="package")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlmProcess]:
    port, metrics_port = free_ports(2)
    settings = SETTINGS | {
        "LLM_PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "LLM_MAX_MODEL_LEN": "4096",
        "DRAIN_TIMEOUT_S": "3",
    }
    with running("llm_service", tmp_path_factory.mktemp("llm") / "llm.log", settings) as process:
        deadline = time.monotonic() + START_TIMEOUT_S
        while "LLM model loaded" not in process.log:
            assert process.process.poll() is None, process.log
            assert time.monotonic() < deadline, process.log
            time.sleep(0.2)
        yield LlmProcess(process, port, metrics_port)


@pytest.fixture(scope="package")
def mesh(llm: LlmProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The usual gateway, speech recognition, synthesis and Valkey, on this language model."""
    with running_mesh(
        tmp_path_factory.mktemp("mesh"), LLM_ADDRESS=f"127.0.0.1:{llm.port}", LLM_PORT=str(llm.port)
    ) as running:
        yield running
