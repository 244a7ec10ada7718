"""Turns made by hand for tests of the analysis: every length and every pause is known."""

from __future__ import annotations

from gateway.analysis.words import load_lexicon
from gateway.history import LearnerTurn, PartnerTurn, Word

ENGLISH = load_lexicon("en")


def spoken(text: str, *, started_s: float = 0.0, gaps_s: tuple[float, ...] = (), turn_id: str = "l") -> LearnerTurn:
    """A turn whose words last 0.5 s each, with the given silences between them (0 where none is given)."""
    words, now_s = [], 0.0
    for index, word in enumerate(text.split()):
        now_s += gaps_s[index - 1] if 0 < index <= len(gaps_s) else 0.0
        words.append(Word(text=word, start_s=now_s, end_s=now_s + 0.5))
        now_s += 0.5
    return LearnerTurn(turn_id=turn_id, text=text, started_s=started_s, duration_s=now_s, words=tuple(words))


def typed(text: str, started_s: float = 0.0) -> LearnerTurn:
    return LearnerTurn(turn_id="t", text=text, started_s=started_s, typed=True)


def partner(text: str, *, started_s: float, duration_s: float, interrupted: bool = False) -> PartnerTurn:
    return PartnerTurn(
        turn_id="p",
        text=text,
        generated_text=text,
        started_s=started_s,
        duration_s=duration_s,
        interrupted=interrupted,
    )
