"""The scripted conversations: what the learner types, one line for each turn. They are files `LEVEL-TOPIC.txt` in
conversations/."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from typing import cast

from gateway.history import Level

FOLDER = Path(__file__).parent / "conversations"


@dataclass(frozen=True)
class Script:
    """One learner's side of a conversation."""

    name: str
    level: Level
    lines: tuple[str, ...]


def scripts() -> list[Script]:
    """All scripts, by name."""
    return [
        Script(path.stem, cast(Level, path.stem.partition("-")[0]), tuple(path.read_text().splitlines()))
        for path in sorted(FOLDER.glob("*.txt"))
    ]


def long_script(turns: int) -> Script:
    """A conversation of `turns` turns at the level intermediate, made of lines of the other scripts."""
    lines = chain.from_iterable(script.lines for script in cycle(scripts()))
    return Script(f"long-{turns}", "intermediate", tuple(islice(lines, turns)))
