"""The images are built from the wheel. The wheel has the page's JavaScript client, and the image builds get all folders
of the wheel."""

from __future__ import annotations

import tomllib

from hatchling.builders.wheel import WheelBuilder

from tests.support.mesh import ROOT

CLIENT = ROOT / "clients" / "js" / "src"


def test_the_page_in_the_wheel_has_the_javascript_client() -> None:
    names = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    client = {f"gateway/web/aitalk/{path.relative_to(CLIENT)}" for path in CLIENT.rglob("*.*")}
    assert client | {"gateway/web/app.js", "aitalk/asr/v1/asr_pb2.py", "deploy/mesh.py"} <= names
    assert not any(name.startswith("clients/") for name in names)


def test_the_images_get_every_folder_of_the_wheel() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    # `deploy` is left out, because the builds get only a part of it.
    wanted = {folder.removesuffix("/aitalk") for folder in wheel["only-include"]} - {"deploy"}
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    copied = (ROOT / "deploy" / "docker" / "Dockerfile").read_text().splitlines()
    for folder in sorted(wanted):
        assert folder in sent
        assert f"COPY {folder} {folder}" in copied
