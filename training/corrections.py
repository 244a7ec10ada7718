"""The sentences that the bundled model learns to correct: text files in `corrections/`.

    - I live in small city near of Porto.
    + I live in a small city near Porto.
    = In the morning.

`-` begins a learner's sentence with mistakes, and `+` on the next line the sentence without them. `=` begins a sentence
that is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.analysis.trained_corrections import trained_question
from gateway.ports import ChatMessage

FOLDER = Path(__file__).parent / "corrections"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A sentence as a learner said it, and without its mistakes; both are the same if it has none. source: file and
    line."""

    said: str
    corrected: str
    source: str

    def messages(self) -> list[ChatMessage]:
        """The question that the gateway asks about the sentence, and the right answer."""
        return [*trained_question(self.said), ChatMessage("assistant", self.corrected)]


def read(folder: Path = FOLDER) -> list[Rewriting]:
    """All sentences, in the order of the files. Raises ValueError, with file and line, if one is malformed."""
    return [one for path in sorted(folder.glob("*.txt")) for one in _rewritings(path)]


def _rewritings(path: Path) -> Iterator[Rewriting]:
    said = None
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        mark, _, text = line.partition(" ")
        source = f"{path.name}:{number}"
        if (mark == "+") != (said is not None) or (line and (mark not in "-+=" or not text.strip())):
            raise ValueError(f"{source}: not a sentence after `= `, nor one after `- ` with one after `+ `: {line}")
        if mark == "=":
            yield Rewriting(text, text, source)
        elif mark == "+" and said is not None:
            yield Rewriting(said, text, source)
        said = text if mark == "-" else None
