"""How the audio of a learner is kept while recognition can't be reached."""

from __future__ import annotations

import numpy as np

from gateway.conversation.unheard_audio import LEAD_S, UTTERANCE_S, UnheardAudio

RATE = 16_000
WINDOW = 512
HISS = np.random.default_rng(1).choice([-1, 1], WINDOW)


def hears(audio: UnheardAudio, level: int, seconds: float) -> int:
    """Add `seconds` of sound at this level. Returns how many utterances end in this sound."""
    piece = (HISS * level).astype("<i2").tobytes()
    return sum(audio.add(piece) for _ in range(round(seconds * RATE / WINDOW)))


def kept_s(audio: UnheardAudio) -> float:
    return sum(map(len, audio.pieces())) / 2 / RATE


def test_of_silence_the_last_seconds_are_kept() -> None:
    audio = UnheardAudio(WINDOW, RATE)
    assert hears(audio, 20, 30) == 0
    assert LEAD_S <= kept_s(audio) <= LEAD_S + 0.1


def test_an_utterance_is_kept_from_before_its_beginning_until_it_has_ended() -> None:
    audio = UnheardAudio(WINDOW, RATE)
    hears(audio, 20, 5)
    hears(audio, 3000, 3)
    assert kept_s(audio) >= LEAD_S + 2.9
    assert hears(audio, 20, 1) == 1
    assert kept_s(audio) < 0.5


def test_the_rest_of_an_utterance_counts_however_short_it_is_and_a_click_later_does_not() -> None:
    audio = UnheardAudio(WINDOW, RATE)
    hears(audio, 3000, 0.1)
    assert hears(audio, 20, 1) == 1
    hears(audio, 3000, 0.1)
    assert hears(audio, 20, 1) == 0


def test_no_utterance_takes_more_than_its_share_of_memory() -> None:
    audio = UnheardAudio(WINDOW, RATE)
    for _ in range(60):
        hears(audio, 3000, 1)
        hears(audio, 20, 0.5)
    assert kept_s(audio) <= UTTERANCE_S + 0.1


def test_audio_that_is_dropped_is_gone() -> None:
    audio = UnheardAudio(WINDOW, RATE)
    hears(audio, 3000, 3)
    audio.drop()
    assert audio.pieces() == ()
