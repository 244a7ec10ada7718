"""How a model server's last output becomes a message for the operator."""

from __future__ import annotations

import pytest

from common.memory import says_out_of_memory
from llm_service.servers.load_failure import explain

# vLLM 0.32 prints these lines after the cause. Only the last one is an error of the API server itself.
AFTER_IT = [
    "(EngineCore pid=9) Process EngineCore:",
    "(EngineCore pid=9) Traceback (most recent call last):",
    '(APIServer pid=7)   File "/venv/bin/vllm", line 10, in <module>',
    "(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
]


@pytest.mark.parametrize(
    "line",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB. GPU 0 has 15.77 GiB",
        (
            "ValueError: Free memory on device cuda:0 (3.1/15.77 GiB) on startup is less than desired GPU memory"
            " utilization (0.35, 5.52 GiB). Decrease GPU memory utilization or reduce GPU memory used by others."
        ),
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        (
            "ValueError: To serve at least one request with the models's max seq len (4096), (0.88 GiB KV cache is"
            " needed, which is larger than the available KV cache memory (0.21 GiB)."
        ),
        "ValueError: Available memory on node 0 (12.1/17.3 GiB) on kv cache allocation is less than requested memory",
        "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 34359738368",
    ],
)
def test_a_line_about_memory_is_the_cause_and_calls_for_the_advice(line: str) -> None:
    failure = explain([f"(EngineCore pid=9) ERROR 11-22 20:57:08 [core.py:946] {line}", *AFTER_IT])
    assert failure.out_of_memory
    assert failure.cause == line
    assert says_out_of_memory(failure.cause)  # common.grpc_server adds its advice to such a text


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (
            ["(EngineCore pid=9) ERROR 11-22 20:57:08 [core.py:946] ValueError: no such kernel", *AFTER_IT],
            "ValueError: no such kernel",
        ),
        (
            ["Traceback (most recent call last):", '  File "x.py", line 1', "OSError: Repo id must be …: '/x'", ""],
            "OSError: Repo id must be …: '/x'",
        ),
        (
            ["vllm: error: argument --dtype: invalid choice: 'int3'"],
            "vllm: error: argument --dtype: invalid choice: 'int3'",
        ),
        (["no such model: m", "  "], "no such model: m"),
        (["ValueError: " + "x" * 1000], "ValueError: " + "x" * 387 + "…"),
        ([], "it printed nothing"),
    ],
)
def test_any_other_cause_is_one_line(lines: list[str], cause: str) -> None:
    failure = explain(lines)
    assert (failure.cause, failure.out_of_memory) == (cause, False)
