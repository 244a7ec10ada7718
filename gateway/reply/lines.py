"""What the partner has to say in each language, one file each: languages/<language>.toml.

What a learner says while listening ("mhm") is in backchannels.py.

`examples` show the model how the partner talks; they stand in the prompt before the conversation. A model copies what
it sees more readily than it follows rules. At each level, one example says a mistake again correctly, one answers a
question about the partner, and all end with a question. They are about nothing in particular, because a small model
goes on about any topic that it finds in them. Their questions are not the commonest ones, because the language model
service keeps a reply from saying again what an earlier one has said.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gateway.history import Level

FOLDER = Path(__file__).parent / "languages"


class Example(BaseModel):
    """What a learner says, and what the partner answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learner: str
    partner: str


class Help(BaseModel):
    """What the partner says to a learner who has been silent for long.

    soft: takes the pressure off. could_say: suggests the sentence {phrase}. other_topic: proposes one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    soft: tuple[str, ...]
    could_say: str
    other_topic: str


class Lines(BaseModel):
    """The lines of one language. Without a file, a language has none. hints: what a learner can say nearly always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: dict[Level, tuple[Example, ...]] = {}
    help: Help | None = None
    hints: dict[Level, tuple[str, ...]] = {}


def lines_in(language: str) -> Lines:
    """Those of a language, a BCP-47 tag."""
    return _read(language.partition("-")[0].lower())


@cache
def _read(language: str) -> Lines:
    path = FOLDER / f"{language}.toml"
    return Lines.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Lines()
