"""Each row of docs/compatibility.md says how it was tested, and each section has at least as many rows as in LEAST."""

from __future__ import annotations

import re

import pytest

from tests.support.mesh import ROOT

PAGE = (ROOT / "docs" / "compatibility.md").read_text()
LEAST = {
    "Model servers": 40,
    "Clients of OpenAI's API": 10,
    "Microphones and networks": 40,
    "Loudspeakers and echo": 10,
    "Proxies": 10,
    "Clocks and tokens": 8,
    "Names and addresses": 10,
    "Stopping": 10,
    "Redis": 15,
}
# The page explains these words. "Tried" marks what was tried by hand, because no test can try it.
HOWS = (
    "habits|refusals|context|tools|echo|stopping|Valkey|[Ss]tand-in|stand-in for Ollama|case `|the same file|both files"
)
HOW = re.compile(rf"\b({HOWS}|[Tt]ried|recordings?|make test-)|on the server itself|read in the sources|only|the marks")
TESTS = {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def rows(section: str) -> list[str]:
    text = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in text.split("\n") if line.startswith("| ")]
    return [line for line in table if not line.startswith("| ---")][1:]


def hows(section: str) -> list[str]:
    """The last column of the section's table."""
    return [re.split(r"(?<!\\)\|", row)[-2].strip() for row in rows(section)]


@pytest.mark.parametrize("section", LEAST)
def test_each_kind_has_its_members_and_each_of_them_was_tried(section: str) -> None:
    said = hows(section)
    assert len(said) >= LEAST[section]
    assert [how for how in said if not HOW.search(how) and not re.search(r"`[\w/]*test_\w+\.py`", how)] == []


def test_the_tests_and_findings_that_it_names_exist() -> None:
    named = set(re.findall(r"`(?:tests/[\w/]+/)?(test_\w+\.py)`", PAGE))
    assert len(named) > 30
    assert named - TESTS == set()
    paths = re.findall(r"`((?:tests|findings)/[\w/]+\.\w+)`", PAGE)
    assert [path for path in paths if not (ROOT / path).exists()] == []
