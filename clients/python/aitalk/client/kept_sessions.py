"""The conversations that this computer can resume: a file of their ids and tokens, which only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from aitalk.client.options import SessionKey
from platformdirs import user_state_path

MOST = 50  # the oldest are forgotten


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A conversation. url: the gateway's address. when: the latest use. about: a scenario, or what the learner
    said first."""

    session_id: str
    resume_token: str = field(repr=False)
    url: str
    when: str
    about: str = ""

    @property
    def key(self) -> SessionKey:
        """The key that resumes the conversation."""
        return SessionKey(self.session_id, self.resume_token)


class KeptSessions:
    """The file with the sessions. If two processes write it at the same time, the later one wins."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_state_path("aitalk", appauthor=False) / "sessions.json"

    def __iter__(self) -> Iterator[KeptSession]:
        """The latest first. A file that can't be read counts as empty."""
        try:
            kept = [KeptSession(**one) for one in json.loads(self.path.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            kept = []
        return iter(sorted(kept, key=lambda one: one.when, reverse=True))

    def find(self, session_id: str) -> KeptSession | None:
        """The session whose id is this text or begins with it; `last`: the latest session."""
        return next((one for one in self if session_id == "last" or one.session_id.startswith(session_id)), None)

    def keep(self, session: KeptSession) -> None:
        """Add the session, or note its latest use; what it is about stays."""
        known = {one.session_id: one for one in self}
        first = known.pop(session.session_id, session)
        now = replace(session, when=datetime.now(UTC).isoformat(timespec="seconds"), about=first.about)
        self._write([now, *known.values()][:MOST])

    def forget(self, session_id: str) -> None:
        """Remove the session from this computer. The gateway keeps it until it expires there."""
        self._write([one for one in self if one.session_id != session_id])

    def learner_id(self) -> str:
        """A random id that stays the same on this computer: the gateway remembers the learner's pauses by it."""
        path = self.path.with_name("learner")
        try:
            return path.read_text(encoding="ascii")
        except OSError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made := secrets.token_urlsafe(24), encoding="ascii")
            return made

    def _write(self, sessions: list[KeptSession]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(f".{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(json.dumps([asdict(one) for one in sessions], indent=1, ensure_ascii=False), encoding="utf-8")
        new.replace(self.path)
