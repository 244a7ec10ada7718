"""The NVIDIA GPUs of this machine."""

from __future__ import annotations

import pynvml


def gpus() -> list[float]:
    """The memory of each NVIDIA GPU that this process can see, in GB of 1,000³ bytes."""
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [pynvml.nvmlDeviceGetMemoryInfo(handle).total / 1e9 for handle in handles]
    except pynvml.NVMLError:
        return []
