"""Which errors mean that memory has run out, in the words of the libraries of our engines."""

from __future__ import annotations

import pytest

from common.errors import EngineError
from common.memory import gigabytes, is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("mkl_malloc: failed to allocate memory"),  # CTranslate2 on the CPU, seen with RLIMIT_AS
        RuntimeError("CUDA failed with error out of memory"),  # CTranslate2
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB."),  # torch
        # torch; only the class says that memory has run out
        type("OutOfMemoryError", (RuntimeError,), {})("HIP: 20.00 MiB could not be had"),
        RuntimeError("std::bad_alloc"),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
        RuntimeError("ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 34359738368"),
        EngineError("ValueError: Free memory on device (3.1/15.8 GiB) on startup is less than desired GPU memory"),
        EngineError(
            "vllm could not be started; its last words:\nValueError: No available memory for the cache blocks."
        ),
    ],
)
def test_memory_has_run_out(error: Exception) -> None:
    assert is_out_of_memory(error)
    ours = EngineError("it can't be loaded")
    ours.__cause__ = error
    assert is_out_of_memory(ours)


@pytest.mark.parametrize("error", [RuntimeError("memory is fine"), ValueError("no such file"), EngineError("crashed")])
def test_something_else_is_wrong(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_sizes_as_people_read_them() -> None:
    assert [gigabytes(size) for size in (0, 35e6, 2.14e9)] == ["0 MB", "35 MB", "2.1 GB"]
