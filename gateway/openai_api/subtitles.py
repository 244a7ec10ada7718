"""Segments of a transcript, and SRT and WebVTT made of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

from common.letters import SENTENCE_ENDS
from gateway.openai_api.file_transcription import RecognisedPiece, TimedWord

MAX_CHARACTERS, MAX_S, PAUSE_S = 84, 7.0, 1.0  # two lines; the longest display; a pause that ends a segment


class Segment(NamedTuple):
    """A sentence, or a part of one, and its time in seconds."""

    text: str
    start_s: float
    end_s: float


def segments_of(heard: Iterable[RecognisedPiece]) -> Iterator[Segment]:
    """The segments of all pieces, in order. A piece without word times is one segment."""
    for piece in heard:
        if not piece.words and piece.text:
            yield Segment(piece.text, piece.start_s, piece.end_s)
        yield from _segments(piece.text, piece.words)


def _segments(text: str, words: Sequence[TimedWord]) -> Iterator[Segment]:
    at = begin = 0  # positions in the text; its words may have no spaces between them
    first: TimedWord | None = None
    last: TimedWord | None = None
    for word in words:
        place = text.find(word.text, at)
        if place < 0:
            continue
        if first and last and _is_full(text[begin:place], first, last, word):
            yield Segment(text[begin:at].strip(), first.start_s, last.end_s)
            first = None
        if first is None:
            first, begin = word, place
        last, at = word, place + len(word.text)
    if first and last:
        yield Segment(text[begin:].strip(), first.start_s, last.end_s)


def _is_full(text: str, first: TimedWord, last: TimedWord, after: TimedWord) -> bool:
    """Whether the segment `text`, from `first` to `last`, ends before the word `after`."""
    return (
        text.rstrip().endswith(tuple(SENTENCE_ENDS))
        or len(text) + len(after.text) > MAX_CHARACTERS
        or after.end_s - first.start_s > MAX_S
        or after.start_s - last.end_s >= PAUSE_S
    )


def srt(segments: Iterable[Segment], numbers: Iterator[int] | None = None) -> str:
    """SubRip. numbers: the numbers of the segments, if the document is written in parts."""
    return "".join(
        f"{number}\n{_clock(one.start_s, ',')} --> {_clock(one.end_s, ',')}\n{one.text}\n\n"
        for one, number in zip(segments, numbers or count(1), strict=False)
    )


VTT_HEADER = "WEBVTT\n\n"


def vtt(segments: Iterable[Segment]) -> str:
    """WebVTT."""
    return VTT_HEADER + vtt_cues(segments)


def vtt_cues(segments: Iterable[Segment]) -> str:
    """WebVTT without its header. < and & must be escaped."""
    return "".join(
        f"{_clock(one.start_s, '.')} --> {_clock(one.end_s, '.')}\n"
        f"{one.text.replace('&', '&amp;').replace('<', '&lt;')}\n\n"
        for one in segments
    )


def _clock(seconds: float, comma: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{comma}{rest % 1000:03}"
