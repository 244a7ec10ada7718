"""Repeats the partner's last words, more slowly, for a learner who asks to hear them once more.

A small model does not understand such a request and says something else. Only English requests are recognised. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.history import PartnerTurn, Turn

SLOWER = 0.85
"""The factor of the voice's speed."""

_REQUEST = re.compile(
    r"\b(?:(?:say|tell me|read) (?:it|that|this)(?: to me)?"
    r" (?:again|once more|one more time|slowly|more slowly|slower)"
    r"|(?:can|could|will|would) you (?:please )?repeat"
    r"|(?:please,? repeat|repeat,? please|repeat (?:it|that|this))"
    r"|(?:again|once more|one more time|more slowly|slower),? please"
    r"|what did you (?:just )?say)\b"
    r"|\b(?:speak|talk) (?:more )?slow(?:ly|er)\b"
    r"|^\W*(?:i'?m )?(?:sorry|pardon|excuse me|what)\W*\?\W*$"
    r"|^\W*(?:sorry\W+)?i (?:do not|don'?t|did not|didn'?t|not|can'?t|cannot|couldn'?t)"
    r" (?:understand|hear|follow|get)(?: you| that| it| this)?\W*$",
    re.IGNORECASE,
)


def once_more(turns: Sequence[Turn], learner_says: str) -> str:
    """The partner's last words, if the learner asks for them; otherwise an empty text.

    turns: the conversation before the request. If the learner had interrupted the partner, the result includes the
    words that were not heard.
    """
    if not _REQUEST.search(learner_says.replace("’", "'")):
        return ""
    spoken = (turn for turn in reversed(turns) if isinstance(turn, PartnerTurn) and turn.text)
    last = next(spoken, None)
    return (last.generated_text or last.text) if last else ""
