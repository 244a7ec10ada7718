"""The words of a reply and their times: the captions that the learner sees, and the words that the learner has
heard."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.history import Word
from gateway.ports import SpeechChunk, SpokenWord
from gateway.protocol import Captions, CaptionWord


def captions(chunk: SpeechChunk, turn_id: str, sample_rate_hz: int) -> Captions:
    """The message with the words of `chunk`; it is sent just before the chunk's audio."""
    per_ms = sample_rate_hz / 1000
    return Captions(
        turn_id=turn_id,
        words=tuple(
            CaptionWord(
                text=word.text, start_ms=round(word.start_sample / per_ms), end_ms=round(word.end_sample / per_ms)
            )
            for word in chunk.words
        ),
        estimated=chunk.timing_estimated,
    )


def heard_words(words: Sequence[SpokenWord], heard_samples: int) -> list[SpokenWord]:
    """The words that were heard at least half. `words` must be in order of time."""
    return [word for word in words if (word.start_sample + word.end_sample) / 2 <= heard_samples]


def heard_text(text: str, words: Sequence[SpokenWord], heard_samples: int, total_samples: int) -> str:
    """The part of `text` that was heard: all of it if all samples were heard, otherwise up to the last heard word.

    total_samples: the length of the whole reply; 0 while it is not known.
    """
    if total_samples and heard_samples >= total_samples:
        return text
    heard = heard_words(words, heard_samples)
    return text[: heard[-1].text_end] if heard else ""


def to_history(words: Sequence[SpokenWord], sample_rate_hz: int) -> tuple[Word, ...]:
    """The words as the history keeps them, with times in seconds."""
    return tuple(
        Word(
            text=word.text,
            start_s=round(word.start_sample / sample_rate_hz, 3),
            end_s=round(word.end_sample / sample_rate_hz, 3),
        )
        for word in words
    )
