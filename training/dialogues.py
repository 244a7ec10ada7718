"""The conversations that the bundled model is trained with: text files in `conversations/`.

    ## beginner | friend
    L: I live in small city near of Porto.
    P: Near Porto, how lovely! Is it by the sea?

A block is one conversation: its level, its partner (`friend` or the id of a scenario), then what the learner (L) and
the partner (P) say. An empty line ends the block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from gateway.history import LearnerTurn, Level, PartnerTurn, SessionState, Turn
from gateway.ports import ChatMessage
from gateway.reply.partner import JOE, MANNERS, Partner, partner_of
from gateway.reply.prompt import CUT_MARK, INTERRUPTING, Briefing, messages_for
from gateway.scenarios import Library, load_library

FOLDER = Path(__file__).parent / "conversations"
FRIEND = "friend"
_HEADER = re.compile(r"## (\w+) \| (\S+)")
_NO_LIMIT = 1_000_000  # characters


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation. partner: FRIEND or the id of a scenario. lines: (speaker, text), where the speaker is "L" or
    "P". source: file and line."""

    level: Level
    partner: str
    lines: tuple[tuple[str, str], ...]
    source: str

    def messages(self, first: int = 0) -> list[ChatMessage]:
        """The conversation from line `first` on, in the form in which the gateway sends it to a trained model."""
        turns = [_turn(speaker, text) for speaker, text in self.lines[first:]]
        briefing = Briefing(_partner(self.partner), self.level, is_trained=True)
        return messages_for(briefing, turns, "", max_chars=_NO_LIMIT)


def read(folder: Path = FOLDER) -> list[Dialogue]:
    """All conversations, in the order of the files. Raises ValueError, with file and line, if one is malformed."""
    return [dialogue for path in sorted(folder.glob("*.txt")) for dialogue in _dialogues(path)]


def _dialogues(path: Path) -> Iterator[Dialogue]:
    header, lines, source = None, list[tuple[str, str]](), ""
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if header is None:
            if line.strip():
                header, source = _HEADER.fullmatch(line.strip()), f"{path.name}:{number}"
                if (
                    not header
                    or header[1] not in MANNERS
                    or not (header[2] == FRIEND or header[2] in _library().scenarios)
                ):
                    raise ValueError(f"{source}: not a header such as `## beginner | {FRIEND}`: {line}")
        elif line.strip():
            speaker, colon, text = line.partition(": ")
            if not colon or speaker not in ("L", "P") or not text.strip():
                raise ValueError(f"{path.name}:{number}: a line begins with `L: ` or `P: `, and has words: {line}")
            lines.append((speaker, text.strip()))
        else:
            yield Dialogue(cast(Level, header[1]), header[2], tuple(lines), source)
            header, lines = None, []


@cache
def _library() -> Library:
    return load_library()


def _partner(name: str) -> Partner:
    if name == FRIEND:
        return JOE
    return partner_of(SessionState(session_id="", created_at=0, scenario=_library().scenarios[name].for_session()))


def _turn(speaker: str, text: str) -> Turn:
    if speaker == "L":
        return LearnerTurn(turn_id="", text=text.removeprefix(INTERRUPTING), started_s=0)
    heard = text.removesuffix(CUT_MARK)
    return PartnerTurn(turn_id="", text=heard, generated_text=heard, interrupted=heard != text, started_s=0)
