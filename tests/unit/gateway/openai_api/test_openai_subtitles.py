"""The segments of a transcription, and its subtitles."""

from __future__ import annotations

from gateway.openai_api.file_transcription import RecognisedPiece, TimedWord
from gateway.openai_api.subtitles import Segment, segments_of, srt, vtt


def heard(text: str, *times: tuple[float, float]) -> RecognisedPiece:
    words = tuple(TimedWord(word, *time, 1.0) for word, time in zip(text.split(), times, strict=False))
    return RecognisedPiece(text, words, times[0][0], times[-1][1], "en")


def test_a_segment_ends_with_a_sentence_a_pause_or_when_it_is_long() -> None:
    piece = heard("Yes. I do not", (0.0, 0.4), (0.5, 0.6), (0.6, 0.8), (2.0, 2.2))
    assert list(segments_of([piece])) == [
        Segment("Yes.", 0.0, 0.4),
        Segment("I do", 0.5, 0.8),
        Segment("not", 2.0, 2.2),
    ]
    long = heard("word " * 40 + "end", *((i * 0.2, i * 0.2 + 0.2) for i in range(41)))
    segments = list(segments_of([long]))
    assert all(len(one.text) <= 84 and one.end_s - one.start_s <= 7.0 for one in segments)
    assert " ".join(one.text for one in segments) == long.text
    assert list(
        segments_of([RecognisedPiece("是的。", (TimedWord("是", 0, 1, 1.0), TimedWord("的。", 1, 2, 1.0)), 0, 2, "zh")])
    ) == [Segment("是的。", 0, 2)]


def test_subtitles_have_their_clocks_and_escapes() -> None:
    segments = [Segment("a < b & c", 3661.0005, 3662.5)]
    assert srt(segments) == "1\n01:01:01,000 --> 01:01:02,500\na < b & c\n\n"
    assert vtt(segments) == "WEBVTT\n\n01:01:01.000 --> 01:01:02.500\na &lt; b &amp; c\n\n"
