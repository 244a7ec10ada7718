"""Every test that a page names exists, and every row of two tables names a test."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.mesh import ROOT

DOCS = ROOT / "docs"
THREAT_MODEL, LAB = DOCS / "threat-model.md", DOCS / "lab" / "2026-11-reliability.md"
TEST = re.compile(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`")


@cache
def files_with() -> dict[str, set[str]]:
    """Name of a test → the files that have it."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def rows(path: Path, header: str) -> list[str]:
    """The rows of the table with this header."""
    _, _, after = path.read_text(encoding="utf-8").partition(f"{header}\n")
    table, _, _ = after.partition("\n\n")
    return table.splitlines()[1:]


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_every_test_that_a_page_names_exists(path: Path) -> None:
    for file, name in TEST.findall(path.read_text(encoding="utf-8")):
        assert name in files_with(), name
        assert not file or file in files_with()[name], f"{file}::{name}"


@pytest.mark.parametrize(
    ("path", "header"),
    [(THREAT_MODEL, "| way in | the threat | what stops them | test |"), (LAB, "| problem | tests |")],
    ids=["threat model", "what was seen"],
)
def test_every_row_names_a_test(path: Path, header: str) -> None:
    found = rows(path, header)
    assert len(found) > 20
    assert [row for row in found if not TEST.search(row.split("|")[-2])] == []
