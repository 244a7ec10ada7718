"""Which words of a reply were heard, from the times of its words."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.history import Word
from gateway.ports import SpokenWord


def heard_words(words: Sequence[SpokenWord], heard_samples: int) -> list[SpokenWord]:
    """The words of which at least half was heard. `words` are in order of time."""
    return [word for word in words if (word.start_sample + word.end_sample) / 2 <= heard_samples]


def heard_text(text: str, words: Sequence[SpokenWord], heard_samples: int, total_samples: int) -> str:
    """The part of `text` that was heard: all of it at the end of the audio, else up to the last word heard."""
    if total_samples and heard_samples >= total_samples:
        return text
    heard = heard_words(words, heard_samples)
    return text[: heard[-1].text_end] if heard else ""


def to_history(words: Sequence[SpokenWord], sample_rate_hz: int) -> tuple[Word, ...]:
    """The words as kept in the history, in seconds."""
    return tuple(
        Word(
            text=word.text,
            start_s=round(word.start_sample / sample_rate_hz, 3),
            end_s=round(word.end_sample / sample_rate_hz, 3),
        )
        for word in words
    )
