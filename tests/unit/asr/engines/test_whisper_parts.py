"""If the first pass over a piece ends early, the rest of the piece is decoded, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from faster_whisper.transcribe import Segment, Word

from asr_service.engine import Expectation
from asr_service.engines.whisper_batch import Decoded, Part, Piece, to_its_end

RATE_HZ = 16_000
EXPECTATION = Expectation(0.9, 0.1)
PIECE = Piece(np.arange(10 * RATE_HZ, dtype=np.float32), 100, once=False)


def part(text: str, start_s: float, end_s: float, rest_s: float) -> Part:
    """A part with one word, and the place where the rest begins."""
    segment = Segment(1, 0, start_s, end_s, text, [], -0.1, 1.0, 0.0, [Word(start_s, end_s, text, 0.9)], 0.0)
    return Part([segment], EXPECTATION, round(rest_s * RATE_HZ))


def decoded(first: Part | None, *later: Part | None) -> tuple[Decoded | None, list[int]]:
    """The result, and where each rest began, in samples."""
    parts, begins = iter(later), []

    def decode_rest(rest: Piece) -> Part | None:
        begins.append(int(rest.audio[0]))
        assert rest == replace(PIECE, audio=rest.audio)
        return next(parts)

    return to_its_end(PIECE, first, decode_rest), begins


def test_a_piece_heard_at_once_is_complete() -> None:
    first = part("all", 0.0, 9.0, 10.0)
    assert decoded(first) == (Decoded(first.segments, EXPECTATION), [])
    result, begins = decoded(part("all", 0.0, 9.0, 9.9))  # a rest of 0.1 s is too short for a word
    assert result is not None
    assert begins == []


def test_the_rest_is_decoded_from_where_the_model_stopped() -> None:
    result, begins = decoded(part("one", 0.0, 3.0, 4.0), part("two", 0.5, 2.0, 2.5), part("three", 0.0, 3.0, 3.5))
    assert begins == [4 * RATE_HZ, 6.5 * RATE_HZ]
    assert result is not None
    assert [(one.text, one.start, one.end) for one in result.segments] == [
        ("one", 0.0, 3.0),
        ("two", 4.5, 6.0),
        ("three", 6.5, 9.5),
    ]
    assert [word.start for one in result.segments for word in one.words or ()] == [0.0, 4.5, 6.5]
    assert result.expectation is None  # an expectation from the last part alone says little about the end of the turn


def test_a_poor_part_or_too_many_parts_send_the_piece_to_the_library() -> None:
    assert decoded(None) == (None, [])
    assert decoded(part("one", 0.0, 3.0, 4.0), None)[0] is None
    assert decoded(*[part("again", 0.0, 0.5, 1.0)] * 5)[0] is None
