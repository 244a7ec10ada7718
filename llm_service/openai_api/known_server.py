"""What was found out about one model server by trying: the requests that it accepts, and whether it can call tools."""

from __future__ import annotations

import math
import time

from common.errors import ServiceError
from llm_service.metrics import BACKEND_HABITS
from llm_service.openai_api.dialect import Dialect
from llm_service.openai_api.negotiation import Ask, find_dialect
from llm_service.openai_api.tool_support import ToolSupport

LOOK_AGAIN_S = 60.0  # between two searches for the server's dialect


class KnownServer:
    """ask: asks the server once. name: its name in logs and metrics. habits: what is unusual about the server."""

    def __init__(self, ask: Ask, name: str) -> None:
        self.dialect = Dialect()
        self.habits: tuple[str, ...] = ()
        self.tools = ToolSupport()
        self._ask = ask
        self._name = name
        self._found_s = math.inf

    async def find_dialect(self, kind: str) -> None:
        """Find out which requests a server of this kind accepts. Raises ServiceError."""
        self.dialect, habits = await find_dialect(kind, self._ask)
        self._found_s = time.monotonic()
        self.tools.forget()
        for habit in (*self.habits, *habits):
            BACKEND_HABITS.labels(self._name, habit).set(habit in habits)
        self.habits = habits

    async def look_again(self) -> bool:
        """Find the dialect again, because the server may serve another model now; do nothing if that was done lately.
        Returns whether the dialect has changed."""
        if time.monotonic() - self._found_s < LOOK_AGAIN_S:
            return False
        before = self.dialect
        try:
            await self.find_dialect(before.kind)
        except ServiceError:
            return False
        return self.dialect != before
