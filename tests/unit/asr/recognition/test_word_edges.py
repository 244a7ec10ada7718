"""Words' times are corrected by the silences in the sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_service.audio import Audio
from asr_service.engine import Word
from asr_service.recognition.silences import MIN_SILENCE, SilentSpan, silences_in
from asr_service.recognition.word_edges import fit_words

WINDOW = 512


def words(*times: tuple[int, int]) -> list[Word]:
    return [Word(f" w{i}", start, end, 1.0) for i, (start, end) in enumerate(times)]


def times(fitted: tuple[Word, ...]) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in fitted]


PAUSE = SilentSpan(10_000, 20_000)


@pytest.mark.parametrize(
    "heard",
    [
        [(2_000, 19_000), (19_000, 24_000)],  # the pause was counted as part of the word before it
        [(2_000, 9_000), (9_000, 26_000)],  # or of the word after it
        [(2_000, 14_000), (14_000, 26_000)],  # or of both
        [(2_000, 8_000), (21_000, 26_000)],  # the gap between the words was longer than the pause
    ],
)
def test_the_words_beside_a_silence_end_and_begin_at_it(heard: list[tuple[int, int]]) -> None:
    (_, end), (start, _) = times(fit_words(words(*heard), [PAUSE]))
    assert (end, start) == PAUSE


def test_words_away_from_a_silence_stay_as_they_are() -> None:
    fitted = times(fit_words(words((0, 3_000), (3_500, 9_000), (21_000, 25_000), (25_000, 30_000)), [PAUSE]))
    assert fitted == [(0, 3_000), (3_500, 10_000), (20_000, 25_000), (25_000, 30_000)]


def test_a_gap_in_which_no_silence_was_heard_is_none() -> None:
    assert times(fit_words(words((0, 3_000), (9_000, 12_000)), [])) == [(0, 9_000), (9_000, 12_000)]


spans = st.lists(st.integers(0, 100_000), min_size=2, max_size=20).map(sorted)


@given(spans, spans)
def test_no_word_reaches_into_a_silence_and_the_order_stays(word_times: list[int], silence_times: list[int]) -> None:
    heard = words(*zip(word_times[::2], word_times[1::2], strict=False))
    silences = [
        SilentSpan(begin, end)
        for begin, end in zip(silence_times[::2], silence_times[1::2], strict=False)
        if end - begin >= MIN_SILENCE
    ]
    fitted = fit_words(heard, silences)
    flat = [sample for word in fitted for sample in (word.start, word.end)]
    assert flat == sorted(flat)
    assert [word.text for word in fitted] == [word.text for word in heard]
    for word in fitted:
        assert not any(word.start < silence.end and word.end > silence.begin for silence in silences)
    for one, other in pairwise(fitted):
        if other.start - one.end >= MIN_SILENCE:
            assert any(one.end <= silence.begin and silence.end <= other.start for silence in silences)


def sound(*parts: tuple[float, int]) -> Audio:
    """Noise in parts, each of this (amplitude, number of samples)."""
    noise = np.random.default_rng(0).normal(0, 1, sum(samples for _, samples in parts))
    loudness = np.repeat([amplitude for amplitude, _ in parts], [samples for _, samples in parts])
    return np.asarray(noise * loudness, np.float32)


@pytest.mark.parametrize("room", [0.0, 0.001, 0.005])
@pytest.mark.parametrize("late_windows", [0, 1, 3])
def test_edges_are_found_where_the_level_changes_though_voice_activity_is_late(room: float, late_windows: int) -> None:
    audio = sound((0.2, 10_000), (room, 8_000), (0.2, 10_000))
    ends, starts = -(-10_000 // WINDOW) + late_windows, 18_000 // WINDOW
    voice = [0.9] * ends + [0.1] * (starts - ends) + [0.9] * (len(audio) // WINDOW - starts)
    (silence,) = silences_in(audio, voice, WINDOW)
    assert silence.begin == pytest.approx(10_000, abs=200)
    assert silence.end == pytest.approx(18_000, abs=200)


def test_a_breath_in_a_pause_is_no_voice() -> None:
    audio = sound((0.2, 10_240), (0.0, 4_096), (0.02, 2_560), (0.0, 4_096), (0.2, 10_240))
    voice = [0.9] * 20 + [0.1] * 21 + [0.9] * 20
    assert silences_in(audio, voice, WINDOW) == [SilentSpan(10_240, 20_992)]


def test_short_gaps_and_the_silence_before_and_after_all_voices_are_none() -> None:
    audio = sound((0.0, 8_192), (0.2, 10_240), (0.0, 2_048), (0.2, 10_240), (0.0, 8_192))
    loud = np.abs(audio[: len(audio) // WINDOW * WINDOW]).reshape(-1, WINDOW).max(axis=1) > 0
    assert silences_in(audio, list(loud.astype(float)), WINDOW) == []
    assert silences_in(np.zeros(0, np.float32), [], WINDOW) == []
    assert silences_in(audio, [0.1] * 100, WINDOW) == []
