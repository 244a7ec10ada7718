"""The package that others install."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from tests.support.mesh import ROOT

CLIENT = ROOT / "clients" / "python"


def project(folder: Path) -> dict[str, Any]:
    return dict(tomllib.loads((folder / "pyproject.toml").read_text())["project"])


def test_it_has_the_version_of_the_gateway_whose_protocol_it_speaks() -> None:
    assert project(CLIENT)["version"] == project(ROOT)["version"]


def test_the_wheel_contains_the_client_and_the_stubs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=CLIENT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("aitalk/")}
    stubs = ROOT / "protos" / "python"
    assert packed == _modules(CLIENT, "aitalk/client") | _modules(stubs, "aitalk")
    assert "aitalk/client/py.typed" in packed


def _modules(folder: Path, below: str) -> set[str]:
    files = (path for path in (folder / below).rglob("*") if path.suffix in (".py", ".pyi", ".typed"))
    return {path.relative_to(folder).as_posix() for path in files}
