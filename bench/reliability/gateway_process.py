"""`python -m bench.reliability.gateway_process`: the gateway, which on SIGUSR1 shows where its tasks are waiting.

For each task it writes the functions that the task is in, with their files and lines, to stderr. Values are left out,
because they may contain what a learner said.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, FrameType
from typing import Any

from gateway.__main__ import main as serve

FIRST, LAST = "the gateway's tasks:", "(these were all tasks)"


def waiting_places() -> str:
    """All tasks of the running loop. Tasks that wait at the same place share one line, which says how many they are."""
    places = sorted(" → ".join(map(_place, frames_of(task))) for task in asyncio.all_tasks())
    return "\n".join(f"  {places.count(place)} × {place}" for place in dict.fromkeys(places))


def frames_of(task: asyncio.Task[Any]) -> Iterator[FrameType]:
    """The frames of a task, the outermost first. (`Task.get_stack` gives only the outermost one.)"""
    waits: Any = task.get_coro()
    while waits is not None:
        match waits:
            case CoroutineType():
                frame, waits = waits.cr_frame, waits.cr_await
            case AsyncGeneratorType():
                frame, waits = waits.ag_frame, waits.ag_await
            case _:  # the `anext` of an async generator does not say which generator it belongs to
                inner = (one for one in gc.get_referents(waits) if isinstance(one, AsyncGeneratorType | CoroutineType))
                frame, waits = None, next(inner, None)
        if frame is not None:
            yield frame


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_qualname} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"


def _show(*_: object) -> None:
    print(f"{FIRST}\n{waiting_places()}\n{LAST}", file=sys.stderr, flush=True)


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGUSR1, _show)
    serve()


if __name__ == "__main__":
    main()
