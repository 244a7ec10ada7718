"""Waiting for a text that a child process prints."""

from __future__ import annotations

import asyncio

from common.child_process import run_child


async def test_words_are_waited_for() -> None:
    async with (
        asyncio.timeout(20),
        run_child(["sh", "-c", "echo loads; sleep 0.2; echo now it is ready; sleep 60"]) as child,
        asyncio.TaskGroup() as tasks,
    ):
        reading = tasks.create_task(child.pass_on_output())
        await child.printed("loads")
        waiting = tasks.create_task(child.printed("is ready"))
        await asyncio.sleep(0)
        assert not waiting.done()
        await waiting
        await child.printed("is ready")  # it has already been printed
        assert child.last_lines() == ["loads", "now it is ready"]
        reading.cancel()
