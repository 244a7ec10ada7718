"""The analysis of a conversation in a few lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_WORDS = 8


def report(analysis: Mapping[str, Any]) -> Iterator[str]:
    """The lines. Parts that could not be made are left out; the reasons come last."""
    about = analysis["conversation"]
    yield f"your turns: {about['learner_turns']}, in {about['duration_s'] / 60:.1f} minutes"
    if rate := analysis["fluency"].get("words_per_minute"):
        yield f"speed: {rate:.0f} words a minute"
    if level := (analysis.get("cefr") or {}).get("estimate"):
        yield f"level: about {level}"
    if summary := analysis.get("summary"):
        yield f"summary: {summary}"
    for task in (analysis.get("goals") or {}).get("tasks", []):
        yield f"{'done' if task['measured'] or task['opinion'] else 'not done'}: {task['text']}"
    for one in analysis["grammar"]["corrections"]:
        yield f"better: {one['original']} → {one['corrected']}{_because(one.get('why'))}"
    for word in analysis["vocabulary"]["words_to_learn"][:MOST_WORDS]:
        yield f"word: {word['word']}{_because(word.get('meaning'))}"
    for step in analysis.get("next_steps", []):
        yield f"next: {step}"
    for part, why in analysis.get("unavailable", {}).items():
        yield f"no {part.replace('_', ' ')}: {why}"


def _because(text: str | None) -> str:
    return f" ({text})" if text else ""
