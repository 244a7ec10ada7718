"""Loudspeakers, rooms and clients whose echoes other projects report. Without the echo guard, each would begin turns.

With the guard, none does, except a Bluetooth loudspeaker for a moment in the first reply. The sources are in
docs/compatibility.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from bench.echo import NOISE, recording, room
from gateway.echo.presence import EchoPresence, Presence
from tests.support.asr import Pcm
from tests.support.echo import (
    BEGIN_S,
    PARTNER_S,
    RATE_HZ,
    TURN_WINDOWS,
    WINDOW_S,
    cleaned,
    echo,
    microphone,
    partner,
    turns,
    voiced,
)

Sound = npt.NDArray[np.float64]


def recorded(heard: Sound, *, seconds: float = BEGIN_S + PARTNER_S + 0.3) -> Pcm:
    """The microphone's recording of an echo."""
    out = np.random.default_rng(0).normal(0, NOISE, round(seconds * RATE_HZ))
    begin = round(BEGIN_S * RATE_HZ)
    heard = heard[: len(out) - begin]
    out[begin : begin + len(heard)] += heard
    return np.asarray(np.clip(out, -32768, 32767), np.int16)


def in_room(sound: Sound, response: Sound) -> Sound:
    size = len(sound) + len(response)
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size))


def louder(sound: Sound, gain_db: Callable[[Sound], Sound]) -> Sound:
    """The sound with a gain that changes. gain_db: the times in seconds → the gain in dB."""
    return np.asarray(sound * 10 ** (gain_db(np.arange(len(sound)) / RATE_HZ) / 20))


def small_loudspeaker() -> Sound:
    """A small loudspeaker that distorts: it compresses loud samples."""
    return in_room(6000 * np.tanh(partner() / 3000), room(150, -10))


def overdriven_microphone() -> Sound:
    """A microphone so close to the loudspeaker that it clips."""
    return np.clip(4 * echo(0, 10), -16_000, 16_000)


def two_loudspeakers() -> Sound:
    near, far = echo(-20, 150), echo(-23, 168)
    return np.asarray(np.pad(near, (0, len(far) - len(near))) + far)


def hall() -> Sound:
    """A hall with a reverberation of 1.5 s, instead of 0.3 s as in room()."""
    tail = np.random.default_rng(1).normal(0, 1, round(1.5 * RATE_HZ))
    tail *= 10 ** (-3 * np.arange(len(tail)) / len(tail))
    tail[0] = np.sqrt(np.square(tail).sum())
    return in_room(partner().astype(float), np.pad(tail / tail[0] / 14, (RATE_HZ // 20, 0)))


def telephone() -> Sound:
    """A telephone line: the echo comes back at 8 kHz in µ-law."""
    low = np.clip(soxr.resample(echo(-20, 250), RATE_HZ, 8000) / 32768, -1, 1)
    law = np.round(127 * np.sign(low) * np.log1p(255 * np.abs(low)) / np.log(256)) / 127
    return np.asarray(soxr.resample(np.sign(law) * (256 ** np.abs(law) - 1) / 255 * 32768, 8000, RATE_HZ))


ECHOES: dict[str, Callable[[], Sound]] = {
    "small loudspeaker": small_loudspeaker,
    "overdriven microphone": overdriven_microphone,
    "two loudspeakers": two_loudspeakers,
    "no delay": lambda: echo(-20, 0),
    "hall": hall,
    "two clocks": lambda: np.asarray(soxr.resample(echo(-20, 150), RATE_HZ, RATE_HZ * 1.002)),
    "gain control": lambda: louder(echo(-40, 150), lambda t: np.where(t > 1.5, 20.0, 0.0)),
    "volume": lambda: louder(echo(-20, 150), lambda t: np.where(t > 1.5, -15.0, 0.0)),
    "canceller that learns": lambda: louder(echo(-20, 150), lambda t: np.where(t < 1, 0.0, -60.0)),
    "canceller that comes and goes": lambda: louder(echo(-20, 150), lambda t: np.where(t * 4 % 2 < 1, 0.0, -60.0)),
    "telephone": telephone,
}


@pytest.mark.parametrize("name", ECHOES)
def test_the_partner_does_not_hear_itself_from(name: str) -> None:
    heard = recorded(ECHOES[name]())
    assert len(turns(voiced(heard))) > 10
    out, guard = cleaned(heard)
    assert turns(voiced(out)) == []
    assert guard.has_echo


def test_after_a_learner_has_spoken_over_the_partner_the_echo_is_still_cancelled() -> None:
    """Two voices at once may make a browser's echo canceller lose what it has learned about the room. The guard keeps
    that."""
    over = recording("beckett.wav")[: round(0.8 * RATE_HZ)]
    out, _ = cleaned(microphone(-20, 200, over, speaks_at_s=1.2))
    after = round((1.2 + 0.8 + 0.3) / WINDOW_S)
    assert [at for at in turns(voiced(out)) if round(1.2 / WINDOW_S) - 1 <= at < after]
    assert not [at for at in turns(voiced(out)) if at >= after]


@pytest.mark.parametrize("level_db", [-20, -40])
def test_a_bluetooth_loudspeaker_is_heard_for_less_than_half_a_second_in_the_first_reply(level_db: int) -> None:
    """Its echo comes late. Until then the microphone is quiet, which the guard takes as a sign that there is no
    echo."""
    for delay_ms in (500, 900):
        out, guard = cleaned(microphone(level_db, delay_ms))
        assert (len(turns(voiced(out))) + TURN_WINDOWS) * WINDOW_S < 0.5
        assert guard.has_echo


@pytest.mark.parametrize(("before_ms", "after_ms"), [(150, 400), (400, 150)])
def test_if_the_delay_changes_the_echo_is_soon_cancelled_again(before_ms: int, after_ms: int) -> None:
    """A player that stalls makes the delay longer, one that drops audio makes it shorter."""
    change_s = 1.2
    before, after = echo(-20, before_ms), echo(-20, after_ms)
    heard = after.copy()
    heard[: round(change_s * RATE_HZ)] = before[: round(change_s * RATE_HZ)]
    out, guard = cleaned(recorded(heard))
    begin_s = BEGIN_S + change_s
    through = [at for at in turns(voiced(out)) if begin_s <= at * WINDOW_S]
    assert through
    assert (through[-1] + TURN_WINDOWS) * WINDOW_S - begin_s < 1.8
    assert guard.has_echo


def test_an_absence_that_was_only_assumed_is_checked_often_for_two_seconds() -> None:
    presence = EchoPresence()
    presence.assume_none()
    for _ in range(8):
        assert presence.is_due(0.25)
        presence.begin_check()
    assert not presence.is_due(0.25)
    assert presence.is_due(2.0)
    presence = EchoPresence()
    for _ in range(2):
        presence.check(5.0, 0)
    assert presence.state is Presence.ABSENT
    assert not presence.is_due(0.25)
