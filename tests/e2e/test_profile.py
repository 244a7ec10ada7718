"""The profile `cpu` works: the mesh of these tests runs with it."""

from __future__ import annotations

import httpx

from tests.support.mesh import Mesh


def test_the_profile_cpu_runs(mesh: Mesh) -> None:
    services = httpx.get(f"{mesh.http}/gpu", timeout=10).json()["services"]
    assert {name: one["device"] for name, one in services.items()} == dict.fromkeys(("asr", "llm", "tts"), "cpu")
    assert services["asr"]["dtype"].startswith("int8")
    assert "is not supported on this" not in mesh.process.log  # the log says this only if int8 was not requested
