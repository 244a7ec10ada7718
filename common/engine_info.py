"""The answer of a model server to Describe."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import pynvml
from aitalk.common.v1 import engine_pb2

from common import __version__
from common.slots import Slots

MEMORY_AGE_S = 30.0


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """An engine's description of itself. `device` is "cpu", "cuda:N" or "remote"; `languages` are BCP-47 tags.

    fallback_reason: why this is not the requested engine; empty if it is. parameters: how many the model has; 0 if the
    engine does not say. adapter: the name of the LoRA in use; empty without one. adapters: the names of those that a
    request can choose.
    """

    engine: str
    model: str
    device: str
    dtype: str = ""
    languages: tuple[str, ...] = ()
    fallback_reason: str = ""
    parameters: int = 0
    adapter: str = ""
    adapters: tuple[str, ...] = ()


def engine_info(description: EngineDescription, slots: Slots, *, ready: bool) -> engine_pb2.EngineInfo:
    """The message for Describe, with the slots as they are now. The process's memory may have been measured up to
    MEMORY_AGE_S ago."""
    used, total = device_memory(description.device)
    return engine_pb2.EngineInfo(
        engine=description.engine,
        model=description.model,
        device=description.device,
        dtype=description.dtype,
        memory_bytes=_MEMORY.at(time.monotonic()),
        device_memory_used_bytes=used,
        device_memory_total_bytes=total,
        slots_in_use=slots.in_use,
        slots_total=slots.total,
        ready=ready,
        version=__version__,
        languages=description.languages,
        fallback_reason=description.fallback_reason,
        parameters=description.parameters,
        adapter=description.adapter,
        adapters=description.adapters,
    )


def resident_memory() -> int:
    """Resident memory in bytes of this process and its children, such as a model server that it started."""
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return int(total)


class MemoryGauge:
    """A measurement of memory that is repeated only at intervals.

    Each gateway calls Describe every second. To find a process's children, psutil reads about every process of the
    machine, which would block the event loop for 10 to 40 ms each time.
    """

    def __init__(self, measure: Callable[[], int] = resident_memory) -> None:
        self._measure = measure
        self._bytes, self._at_s = 0, -math.inf

    def at(self, now_s: float) -> int:
        """Bytes, measured at most MEMORY_AGE_S ago. now_s: on a monotonic clock."""
        if now_s - self._at_s >= MEMORY_AGE_S:
            self._bytes, self._at_s = self._measure(), now_s
        return self._bytes


_MEMORY = MemoryGauge()


def device_memory(device: str) -> tuple[int, int]:
    """(used, total) bytes of a CUDA device; (0, 0) for other devices, or if NVIDIA's library is missing."""
    if not device.startswith("cuda"):
        return 0, 0
    index = int(device.partition(":")[2] or 0)
    try:
        pynvml.nvmlInit()
        memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError:
        return 0, 0
    return int(memory.used), int(memory.total)
