"""Memory and disk in words: sizes as people read them, and what to do when there is not enough."""

from __future__ import annotations

ADVICE = (
    "`python -m deploy.plan` says what fits on this machine; take a smaller model or profile, fewer streams, or a lower"
    " LLM_GPU_MEMORY_UTILIZATION"
)

_SIGNS = (
    *("out of memory", "outofmemory", "bad_alloc", "bad allocation", "allocate memory", "alloc_failed"),
    *("no available memory for the cache", "less than desired gpu memory"),  # of vLLM
)


def gigabytes(size_bytes: float) -> str:
    """`2.1 GB`, or `35 MB` below one gigabyte (of 1,000³ bytes)."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error`, or what it came from, says that memory has run out: the host's or the GPU's."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or any(sign in str(seen).lower() for sign in _SIGNS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
