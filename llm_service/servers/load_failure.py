"""Finds in a model server's output why it did not start: one sentence for the person who has to fix it.

vLLM prints about a hundred lines. The last ones only say that its engine did not start; the cause is above them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from common.memory import says_out_of_memory

# "(EngineCore pid=7) ERROR 11-22 20:57:08 [core.py:9] "
_PREFIX = re.compile(r"^(\([^)]*pid=\d+\)\s*)?((?:DEBUG|INFO|WARNING|ERROR)\s[\d: -]+\[[^\]]*\]\s?)?")
_EXCEPTION = re.compile(r"^[\w.]*(Error|Exception|Exit|Interrupt)\b.*:\s*\S")
_CONSEQUENCES = ("Engine core initialization failed", "Failed core proc")
LONGEST = 400  # characters


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """cause: a line of the output. out_of_memory: memory ran out, so another attempt would most likely fail, too.

    `common.grpc_server` adds the advice about memory.
    """

    cause: str
    out_of_memory: bool = False


def explain(lines: Sequence[str]) -> LoadFailure:
    """Why the server that printed these lines did not start."""
    said = [text for line in lines if (text := _PREFIX.sub("", line).strip())]
    for text in said:
        if says_out_of_memory(text):
            return LoadFailure(_shorten(text), out_of_memory=True)
    causes = [text for text in said if _EXCEPTION.match(text) and not any(words in text for words in _CONSEQUENCES)]
    return LoadFailure(_shorten((causes or said or ["it printed nothing"])[-1]))


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
