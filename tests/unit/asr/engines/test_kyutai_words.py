"""Kyutai's stream of tokens, one every 80 ms, becomes words with times."""

from __future__ import annotations

import pytest

from asr_service.engine import Transcript
from asr_service.engines.kyutai_words import Frames, transcript

PIECES = ["<mark>", "<s>", "</s>", "<pad>", "▁I", "▁like", "▁app", "les", "."]
MARK, PAD, I, LIKE, APP, LES, DOT = 0, 3, 4, 5, 6, 7, 8  # noqa: E741
FRAME = 1_280  # samples at 16 kHz


class Pieces:
    """The part of a tokenizer that the engine needs."""

    all_special_ids = [1, 2, 3]  # noqa: RUF012

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
        return [PIECES[i] if i < len(PIECES) else None for i in ids]

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return "".join(PIECES[i] for i in token_ids).replace("▁", " ")


def heard(tokens: list[int], *, late_s: float = 0.16, samples: int = 100 * FRAME, begin: int = 0) -> Transcript:
    chances = tuple(0.5 + 0.05 * (i % 10) for i in range(len(tokens)))
    return transcript([(begin, Frames(tuple(tokens), chances, late_s, PAD, samples))], Pieces(), "en")


def test_a_word_begins_at_its_mark_less_the_delay_and_lasts_to_the_next() -> None:
    got = heard([PAD, PAD, MARK, I, MARK, LIKE, PAD, MARK, APP, LES, DOT, *[PAD] * 20])
    assert got.text == "I like apples."
    assert [(word.text, word.start / FRAME) for word in got.words] == [(" I", 0), (" like", 2), (" apples.", 5)]
    assert [word.end / FRAME for word in got.words] == [2, 5, pytest.approx(9 + 6.25)]  # 6.25 frames: half a second


def test_words_without_a_mark_between_them_are_still_two() -> None:
    assert [word.text for word in heard([PAD, PAD, MARK, I, LIKE, PAD]).words] == [" I", " like"]


def test_confidence_is_the_mean_of_a_words_pieces() -> None:
    (word,) = heard([PAD, PAD, MARK, APP, PAD, LES]).words
    assert word.confidence == pytest.approx((0.65 + 0.75) / 2)


def test_non_words_are_left_out() -> None:
    assert heard([PAD] * 5 + [MARK, DOT, 1, 2, 99, PAD]) == Transcript()


def test_times_stay_within_the_audio_and_count_from_where_its_piece_begins() -> None:
    (word,) = heard([MARK, I, PAD], late_s=1.0, samples=2 * FRAME, begin=500).words
    assert (word.start, word.end) == (500, 500)
    (late,) = heard([*[PAD] * 30, I], late_s=0.0, samples=10 * FRAME).words
    assert (late.start, late.end) == (10 * FRAME, 10 * FRAME)
