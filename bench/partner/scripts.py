"""The scripted conversations: what the learner types, one line for each turn. They are files `LEVEL-TOPIC.txt` in
conversations/.

openings.txt has first lines for conversations of one turn, and which facts each line tells:
`LEVEL | FACT, FACT | LINE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from typing import cast

from gateway.history import Level

FOLDER = Path(__file__).parent / "conversations"
OPENINGS = Path(__file__).parent / "openings.txt"


@dataclass(frozen=True)
class Script:
    """One learner's side of a conversation. facts: those that the first line tells: keys of `quality.QUESTIONS`."""

    name: str
    level: Level
    lines: tuple[str, ...]
    facts: tuple[str, ...] = ()


def scripts() -> list[Script]:
    """All scripts, by name."""
    return [
        Script(path.stem, cast(Level, path.stem.partition("-")[0]), tuple(path.read_text().splitlines()))
        for path in sorted(FOLDER.glob("*.txt"))
    ]


def openings() -> list[Script]:
    """A conversation of one turn for each line of openings.txt."""
    found = []
    for number, row in enumerate(OPENINGS.read_text().splitlines(), 1):
        level, facts, line = (part.strip() for part in row.split("|"))
        found.append(Script(f"opening-{number}", cast(Level, level), (line,), tuple(filter(None, facts.split(", ")))))
    return found


def long_script(turns: int) -> Script:
    """A conversation of `turns` turns at the level intermediate, made of lines of the other scripts."""
    lines = chain.from_iterable(script.lines for script in cycle(scripts()))
    return Script(f"long-{turns}", "intermediate", tuple(islice(lines, turns)))
