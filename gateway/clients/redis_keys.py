"""The keys of sessions and learners in Redis. Keys contain learners' names and tokens only as digests.

A function `…_key` or `…_keys` returns the Redis key, or keys, of what its docstring names.

In a Redis Cluster, the part between the braces would decide on which node a key is, so that a script could use all keys
of a session, or of a learner's record. AI-Talk can't use a Cluster (`redis_client`), so the braces have no effect. They
stay, because under other names the stored sessions and records would not be found.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

RESUME_KEY = "aitalk:resume_key"
"""The key of the secret from which the resume tokens of the Realtime API are made."""


class LearnerKeys(NamedTuple):
    """The keys of a learner's record."""

    record: str
    conversations: str
    used: str
    words: str
    sessions: str


def session_key(session_id: str) -> str:
    """The hash of a session."""
    return f"aitalk:session:{{{session_id}}}"


def turns_key(session_id: str) -> str:
    """The list of a session's turns."""
    return f"{session_key(session_id)}:turns"


def secret_key(secret: str) -> str:
    """The settings of a client's short-lived key."""
    return f"aitalk:client_secret:{digest(secret)}"


def secrets_keys(client: str) -> tuple[str, str]:
    """Which short-lived keys of a client are valid, and how much they hold."""
    return f"aitalk:client:{digest(client)}:secrets", f"aitalk:client:{digest(client)}:secrets_held"


def learner_key(learner: str) -> str:
    """The hash with a learner's usual pause."""
    return f"aitalk:learner:{_learner_digest(learner)}"


def learner_keys(learner: str) -> LearnerKeys:
    """The keys of a learner's record."""
    prefix = f"aitalk:learner:{{{_learner_digest(learner)}}}"
    return LearnerKeys(*(f"{prefix}:{name}" for name in LearnerKeys._fields))


def digest(text: str) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _learner_digest(learner: str) -> str:
    return digest(f"aitalk learner {learner}")  # so that it equals no digest that is used elsewhere
