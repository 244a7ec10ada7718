"""The partner's ready-made lines. The file languages/<language>.toml has those of one language.

The learner's sounds while listening ("mhm") are in backchannels.py.

`examples` show the model how the partner talks; they come before the conversation in the prompt. A model imitates
examples more readily than it follows rules. At each level, one example repeats a learner's sentence without its
mistake, one answers a question about the partner, and all end with a question. They have no particular topic, because a
small model would go on about it. Their questions are unusual, because the language model service treats the
examples as earlier replies, and a reply must not repeat those: a common question in an example could never be asked.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from common.languages import base
from gateway.history import Level

FOLDER = Path(__file__).parent / "languages"


class Example(BaseModel):
    """An example: the words of a learner, and the partner's answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learner: str
    partner: str


class Help(BaseModel):
    """The partner's lines for a learner who has been silent for a long time.

    soft: sentences that reassure the learner. could_say: suggests the sentence {phrase}. other_topic: proposes another
    topic.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    soft: tuple[str, ...]
    could_say: str
    other_topic: str


class Lines(BaseModel):
    """The lines of one language; empty for a language without a file. hints: sentences that a learner can almost always
    say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: dict[Level, tuple[Example, ...]] = {}
    help: Help | None = None
    hints: dict[Level, tuple[str, ...]] = {}


def lines_in(language: str) -> Lines:
    """The lines of a language. language: a BCP-47 tag."""
    return _read(base(language))


@cache
def _read(language: str) -> Lines:
    path = FOLDER / f"{language}.toml"
    return Lines.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))) if path.is_file() else Lines()
