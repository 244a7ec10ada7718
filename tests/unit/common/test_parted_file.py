"""A file whose parts are in several packages is joined once, completely or not at all."""

from __future__ import annotations

import hashlib
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import EngineError
from common.parted_file import NPM_FOLDER, PartedFile

PARTS = [bytes([number]) * 40_000 for number in range(3)]
WHOLE = b"".join(PARTS)
FILE = PartedFile(
    "whole.gguf",
    len(WHOLE),
    hashlib.sha256(WHOLE).hexdigest(),
    tuple((f"parted_{number}", f"data/part{number}.bin") for number in range(3)),
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes packages that can be found, but not imported; returns the folder that they are in."""
    packages = tmp_path / "packages"
    monkeypatch.syspath_prepend(str(packages))

    def make(*contents: bytes) -> Path:
        for number, content in enumerate(contents):
            data = packages / f"parted_{number}" / "data"
            data.mkdir(parents=True)
            (data.parent / "__init__.py").write_text("raise ImportError('it is only looked for')")
            (data / f"part{number}.bin").write_bytes(content)
        return packages

    return make


def taken(folder: Path) -> list[str]:
    """The files that take space on the disk."""
    return [file.name for file in folder.iterdir() if file.stat().st_size]


def test_the_parts_become_the_file_in_order_with_progress_and_it_stays_without_them(
    install: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, models = install(*PARTS), tmp_path / "models"
    assert FILE.joined(models) is None
    with caplog.at_level(logging.INFO):
        whole = FILE.join(models)
    assert whole.read_bytes() == WHOLE
    assert "whole.gguf: 100 % of 0 MB" in caplog.text
    assert taken(models) == ["whole.gguf"]
    packages.rename(tmp_path / "gone")
    assert FILE.installed_parts(models) is None
    made_at = whole.stat().st_mtime_ns
    assert FILE.join(models) == whole
    assert whole.stat().st_mtime_ns == made_at


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_without_all_parts_there_is_no_file(install: Callable[..., Path], tmp_path: Path, missing: int) -> None:
    install(*PARTS[: 3 - missing])
    assert (FILE.installed_parts(tmp_path) is None) == bool(missing)
    if missing:
        with pytest.raises(EngineError, match=r"packages with whole\.gguf are not installed"):
            FILE.join(tmp_path / "models")


def test_parts_of_npm_are_found_in_the_folder_where_they_are_joined(tmp_path: Path) -> None:
    file = replace(FILE, is_npm=True)
    for (package, path), content in zip(file.parts, PARTS, strict=True):
        assert file.installed_parts(tmp_path) is None
        part = tmp_path / NPM_FOLDER / "node_modules" / package / path
        part.parent.mkdir(parents=True)
        part.write_bytes(content)
    assert file.join(tmp_path).read_bytes() == WHOLE


def test_packages_with_something_else_leave_no_file(install: Callable[..., Path], tmp_path: Path) -> None:
    install(PARTS[0], PARTS[2], PARTS[1])
    with pytest.raises(EngineError, match="SHA-256 is wrong"):
        FILE.join(tmp_path / "models")
    assert taken(tmp_path / "models") == []


def test_a_file_of_the_wrong_size_is_joined_anew(install: Callable[..., Path], tmp_path: Path) -> None:
    install(*PARTS)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / FILE.name).write_bytes(WHOLE[:-1])
    assert FILE.join(tmp_path / "models").read_bytes() == WHOLE


def test_a_disk_without_room_is_refused_before_anything_is_written(
    install: Callable[..., Path], tmp_path: Path
) -> None:
    install(*PARTS)
    with pytest.raises(EngineError, match=r"needs 1000000\d* GB|needs \d+\.\d GB of disk"):
        replace(FILE, size_bytes=10**15).join(tmp_path / "models")
    assert taken(tmp_path / "models") == []


def test_a_folder_that_cannot_be_written_is_one_sentence(install: Callable[..., Path], tmp_path: Path) -> None:
    install(*PARTS)
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="set MODELS_CACHE_DIR"):
        FILE.join(tmp_path / "file")


def test_the_leftovers_of_a_killed_process_are_overwritten(install: Callable[..., Path], tmp_path: Path) -> None:
    packages, models = install(*PARTS), tmp_path / "models"
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from tests.unit.common.test_parted_file import FILE\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "sys.path.insert(0, sys.argv[1]); FILE.join(Path(sys.argv[2]))"
    )
    ended = subprocess.run([sys.executable, "-c", script, packages, models], check=False, timeout=60)
    assert ended.returncode == -signal.SIGXFSZ
    assert taken(models) == [".whole.gguf.unfinished"]
    assert FILE.joined(models) is None
    assert FILE.join(models).read_bytes() == WHOLE
    assert taken(models) == ["whole.gguf"]


def test_of_those_who_come_at_once_one_joins(install: Callable[..., Path], tmp_path: Path) -> None:
    install(*PARTS)

    def start(_: int) -> int:
        return FILE.join(tmp_path / "models").stat().st_ino

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(start, range(8)))) == 1
