"""Memory and disk in words: sizes in readable units, and what to do when memory has run out."""

from __future__ import annotations

import re

ADVICE = (
    "`python -m deploy.plan` says what fits on this machine, and what LLM_GPU_MEMORY_UTILIZATION should be; otherwise"
    " take a smaller model or profile, fewer streams, or a lower LLM_MAX_MODEL_LEN"
)

# Messages that mean that memory has run out, in this order: from PyTorch and CUDA; the C++ library; the kernel,
# CTranslate2 and cuBLAS; vLLM before and after it loads a model; llama.cpp.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemory"
    r"|bad_alloc|bad allocation"
    r"|allocate memory|alloc_failed"
    r"|(Free|Available) memory on .* less than (desired|requested)|less than desired GPU memory"
    r"|No available memory for the cache|larger than the available KV cache memory"
    r"|failed to allocate .*buffer",
    re.IGNORECASE,
)


def gigabytes(size_bytes: float) -> str:
    """`2.1 GB`, or `35 MB` below one gigabyte (of 1,000³ bytes)."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def says_out_of_memory(text: str) -> bool:
    """Whether this line of a log or message of an error says that memory has run out: the host's or the GPU's."""
    return _OUT_OF_MEMORY.search(text) is not None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error`, or an error that led to it, says that memory has run out: the host's or the GPU's."""
    seen: BaseException | None = error
    while seen is not None:
        # The name of the class counts, too: PyTorch's is torch.OutOfMemoryError, and torch may not be installed.
        if isinstance(seen, MemoryError) or says_out_of_memory(f"{type(seen).__name__}: {seen}"):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
