"""Reading our Markdown pages: sections, and the first columns of tables."""

from __future__ import annotations

import re
from pathlib import Path


def page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def sections(text: str, level: str) -> dict[str, str]:
    """Heading (without markup) → the text below it, up to the next heading of this level or above."""
    parts = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)[1:]
    above = re.compile(rf"^#{{1,{len(level)}}} ", re.MULTILINE)
    return {title.strip("*"): above.split(below)[0] for title, below in zip(parts[::2], parts[1::2], strict=True)}


def first_column(text: str) -> list[str]:
    """The names in backticks at the beginnings of a table's rows."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
