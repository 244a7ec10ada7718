"""Joins a large file from parts. Each part comes in a package of its own, because registries accept no large packages.

parts in packages  →  is there room  →  joined into `.NAME.unfinished`, hashed on the way  →  renamed to NAME
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from common.download import LOG_EVERY_PERCENT, SPARE_BYTES
from common.errors import EngineError
from common.memory import gigabytes

logger = logging.getLogger(__name__)

NPM_FOLDER = ".npm"
"""The folder in MODELS_CACHE_DIR where packages of npm wait until they are joined."""

_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class PartedFile:
    """A file, and where its parts are. sha256: the digest of the whole file, in hexadecimal.

    parts: for each part, its package and its path in the package, in order. is_npm: the packages are
    npm's, and are in NPM_FOLDER of the folder where the file is joined.
    """

    name: str
    size_bytes: int
    sha256: str
    parts: tuple[tuple[str, str], ...]
    is_npm: bool = False

    def joined(self, folder: Path) -> Path | None:
        """The whole file in `folder`; None if it isn't there with its full size."""
        whole = folder / self.name
        return whole if whole.is_file() and whole.stat().st_size == self.size_bytes else None

    def installed_parts(self, folder: Path) -> list[Path] | None:
        """The parts, in order; None unless all are installed. folder: where the file is joined."""
        modules = folder / NPM_FOLDER / "node_modules" if self.is_npm else None
        found = [_part(package, path, modules) for package, path in self.parts]
        return [part for part in found if part] if all(found) else None

    def join(self, folder: Path) -> Path:
        """The whole file in `folder`. It is joined from the installed parts if it isn't there.

        If several processes need it at once, one joins and the others wait. If that process is killed, the next one
        starts over. Raises EngineError, which says what to do.
        """
        if whole := self.joined(folder):
            return whole
        try:
            with FileLock(folder / f".{self.name}.lock"):  # makes the folder, too
                return self.joined(folder) or self._join(folder)
        except OSError as error:
            raise EngineError(
                f"{self.name} can't be written into {folder} ({error}); make room, or set MODELS_CACHE_DIR to another"
                " folder"
            ) from error

    def _join(self, folder: Path) -> Path:
        parts = self.installed_parts(folder)
        if parts is None:
            raise EngineError(f"the packages with {self.name} are not installed: {self.parts[0][0]} and so on")
        if (free := shutil.disk_usage(folder).free) < self.size_bytes + SPARE_BYTES:
            raise EngineError(
                f"{self.name} needs {gigabytes(self.size_bytes + SPARE_BYTES)} of disk, and {gigabytes(free)} are free"
                f" in {folder}; make room, or set MODELS_CACHE_DIR to a folder on a larger disk"
            )
        logger.info("joining %s (%s) from %d parts, into %s", self.name, gigabytes(self.size_bytes), len(parts), folder)
        # always the same name, so that killed processes leave at most one file
        unfinished = folder / f".{self.name}.unfinished"
        try:
            if self._write(parts, unfinished) != self.sha256:
                raise EngineError(
                    f"the packages with {self.name} contain another file (its SHA-256 is wrong); reinstall them with"
                    " `make models`"
                )
            unfinished.replace(folder / self.name)  # atomic: nobody sees half a file
        finally:
            unfinished.unlink(missing_ok=True)
        return folder / self.name

    def _write(self, parts: list[Path], target: Path) -> str:
        """Write the parts one after the other. Returns the SHA-256 of the whole."""
        digest, written, shown = hashlib.sha256(), 0, 0
        with target.open("wb") as file:
            for chunk in _chunks(parts):
                file.write(chunk)
                digest.update(chunk)
                written += len(chunk)
                if (percent := 100 * written // self.size_bytes) >= shown + LOG_EVERY_PERCENT:
                    shown = percent
                    logger.info("%s: %d %% of %s", self.name, percent, gigabytes(self.size_bytes))
        return digest.hexdigest()


def _chunks(parts: list[Path]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as content:
            while chunk := content.read(_CHUNK):
                yield chunk


def _part(package: str, path: str, modules: Path | None) -> Path | None:
    """The path of a part. A Python package is found without importing it. modules: the folder of npm's packages."""
    if modules:
        part = modules / package / path
    else:
        spec = find_spec(package)
        if spec is None or not spec.origin:
            return None
        part = Path(spec.origin).parent / path
    return part if part.is_file() else None
