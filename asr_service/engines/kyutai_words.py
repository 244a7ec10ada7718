"""Makes words with times of the tokens of Kyutai's models, one for each frame of 80 ms. Pure; see `kyutai_stt`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.engine import Transcript, Word

MODEL_RATE_HZ = 24_000
FRAMES_PER_SECOND = 12.5
WORD_MARK = 0
"""The token that says that a word is about to begin ("end of padding")."""
_LONGEST_END_S = 0.5  # a word ends at most this long after its last token
_BLANK = "▁"


class Tokenizer(Protocol):
    """What this module needs of the checkpoint's tokenizer."""

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of the special tokens, which are not text."""

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
        """The token of each id; None for an unknown id."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        """The text of the tokens."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The model's output for one piece of audio.

    tokens, chances: a token for each frame, and its probability. late_s: how many seconds after the audio the tokens
    come. padding: the token for "nothing new". samples: length of the audio, at 16 kHz.
    """

    tokens: tuple[int, ...]
    chances: tuple[float, ...]
    late_s: float
    padding: int
    samples: int


@dataclass(slots=True)
class _Spoken:
    frame: int
    last: int
    ids: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)


def transcript(parts: Sequence[tuple[int, Frames]], tokenizer: Tokenizer, language: str) -> Transcript:
    """The words of consecutive pieces of audio.

    parts: for each piece, the sample at 16 kHz where it begins, and its frames. language: the language of the
    transcript.
    """
    words: list[Word] = []
    for begin, frames in parts:
        spoken = _spoken_words(frames, tokenizer)
        for word, following in zip(spoken, [*spoken[1:], None], strict=True):
            text = tokenizer.decode(word.ids, skip_special_tokens=True).strip()
            if not any(c.isalnum() for c in text):
                continue
            start = _sample(word.frame, frames)
            end = _sample(word.last + 1 + _LONGEST_END_S * FRAMES_PER_SECOND, frames)
            end = min(end, _sample(following.frame, frames)) if following else end
            chance = sum(word.chances) / len(word.chances)
            words.append(Word(f" {text}", begin + start, begin + max(start, end), min(1.0, max(0.0, chance))))
    text = "".join(word.text for word in words).strip()
    return Transcript(text, tuple(words), language if text else "")


def _spoken_words(frames: Frames, tokenizer: Tokenizer) -> list[_Spoken]:
    """The words of one piece of audio. A word begins at its mark, or where a token begins with a blank."""
    pieces = tokenizer.convert_ids_to_tokens(list(frames.tokens))
    silent = {frames.padding, WORD_MARK, *tokenizer.all_special_ids}
    words: list[_Spoken] = []
    mark: int | None = None
    for frame, (token, piece) in enumerate(zip(frames.tokens, pieces, strict=True)):
        if token == WORD_MARK:
            mark = frame
        elif token not in silent and piece:
            if mark is not None or piece.startswith(_BLANK) or not words:
                words.append(_Spoken(frame if mark is None else mark, frame))
            words[-1].ids.append(token)
            words[-1].chances.append(frames.chances[frame])
            words[-1].last, mark = frame, None
    return words


def _sample(frame: float, frames: Frames) -> int:
    """When the token of a frame was spoken, in samples at 16 kHz since the beginning of its piece of audio."""
    return min(max(0, round((frame / FRAMES_PER_SECOND - frames.late_s) * ENGINE_RATE_HZ)), frames.samples)
