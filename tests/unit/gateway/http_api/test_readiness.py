"""/ready costs little, because anybody may request it as often as they like."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http_api.readiness import FRESH_S, Readiness

CHECK_S = 0.5


class Mesh:
    """Stands for the model servers and for the store. A check of the model servers takes CHECK_S."""

    def __init__(self) -> None:
        self.checks = 0
        self.why = ""

    async def problems(self) -> dict[str, str]:
        self.checks += 1
        await asyncio.sleep(CHECK_S)
        return {"asr": self.why}

    async def fallbacks(self) -> dict[str, str]:
        return {}

    async def problem(self) -> str:
        return ""


@pytest.mark.looptime
async def test_a_crowd_that_asks_whether_it_is_ready_costs_one_check_a_second() -> None:
    mesh = Mesh()
    readiness = Readiness(mesh, mesh, now=asyncio.get_running_loop().time)
    answers = await asyncio.gather(*(readiness.findings() for _ in range(100)))
    assert mesh.checks == 1
    assert {one.problems["asr"] for one in answers} == {""}
    mesh.why = "loads its model"
    await asyncio.sleep(0.9 * FRESH_S)
    assert (await readiness.findings()).problems == {"asr": ""}
    await asyncio.sleep(0.2 * FRESH_S)
    answers = await asyncio.gather(*(readiness.findings() for _ in range(100)))
    assert mesh.checks == 2
    assert {one.problems["asr"] for one in answers} == {"loads its model"}


@pytest.mark.looptime
async def test_who_asks_and_goes_away_does_not_keep_the_answer_from_the_others() -> None:
    mesh = Mesh()
    readiness = Readiness(mesh, mesh, now=asyncio.get_running_loop().time)
    first = asyncio.create_task(readiness.findings())
    second = asyncio.create_task(readiness.findings())
    await asyncio.sleep(CHECK_S / 2)
    first.cancel()
    assert (await second).problems == {"asr": ""}
    assert mesh.checks == 2
