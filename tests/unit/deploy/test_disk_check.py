"""`make setup` notices, before it installs anything, that the disk has too little space."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import disk_check


def test_too_little_room_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=45_000_000))
    assert disk_check.main([str(tmp_path / "new" / "venv")]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"can't set up: the packages need 1.2 GB, and the disk of {tmp_path} has 45 MB left"
    assert "another disk" in second


def test_enough_room_needs_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=disk_check.NEEDED_BYTES))
    assert disk_check.main([str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
