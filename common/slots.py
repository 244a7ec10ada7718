"""Limits how many streams a model server takes at once. It refuses further ones, rather than being slow for
everyone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import BusyError
from common.metrics import SLOTS, SLOTS_IN_USE


class Slots:
    """Counts streams in use. For one event loop; not thread-safe."""

    def __init__(self, service: str, total: int) -> None:
        self.service = service
        self.total = total
        self.in_use = 0
        SLOTS.labels(service).set(total)
        SLOTS_IN_USE.labels(service).set(0)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a slot for the length of a `with` block. Raises BusyError if none is free."""
        if self.in_use >= self.total:
            raise BusyError(f"all {self.total} slots are in use; try again in a second or try another replica")
        self._change(+1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        self.in_use += by
        SLOTS_IN_USE.labels(self.service).set(self.in_use)
