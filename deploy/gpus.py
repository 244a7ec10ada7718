"""The NVIDIA GPUs of this machine.

Importing this module needs only the standard library, because `deploy.first_check` imports it before any package is
installed.
"""

from __future__ import annotations

import ctypes


def gpus() -> list[float]:
    """The memory of each NVIDIA GPU that this process can see, in GB of 1,000³ bytes."""
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [pynvml.nvmlDeviceGetMemoryInfo(handle).total / 1e9 for handle in handles]
    except pynvml.NVMLError:
        return []


def has_gpu() -> bool:
    """Whether `gpus` will find a GPU. Asks NVIDIA's driver itself, because pynvml may not be installed yet."""
    try:
        driver = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    count = ctypes.c_uint()
    return driver.nvmlInit_v2() == 0 and driver.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 and count.value > 0


def missing_gpu(profile: str) -> str:
    """What to tell the user if `profile` needs a GPU and there is none."""
    return f"PROFILE={profile} needs an NVIDIA GPU, and none is found here; run `make run PROFILE=laptop`"
