"""The partner's voice in the learner's microphone, at many levels and delays, with and without a learner who speaks.

Source: the case `echo.py` in docs/compatibility.md. `tests/support/echo.py` describes the simulated room.
"""

from __future__ import annotations

import asyncio
import random

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from bench.echo import recording
from gateway.echo import EchoGuard
from gateway.echo.correlation import Correlation
from gateway.echo.microphone_clock import MicrophoneClock
from gateway.echo.played_audio import PlayedAudio
from gateway.echo.presence import EchoPresence, Presence
from gateway.protocol import AiAudioStart, Interrupted
from tests.support.asr import LEARNER_LINES, spoken
from tests.support.conversation import Conversation, text
from tests.support.echo import (
    BEGIN_S,
    RATE_HZ,
    SPEAKS_AT_S,
    TURN_WINDOWS,
    WINDOW_S,
    cleaned,
    microphone,
    partner,
    turns,
    voiced,
)


@pytest.mark.parametrize(("level_db", "delay_ms"), [(-10, 150), (-20, 400), (-40, 50), (-50, 250)])
def test_the_partner_does_not_hear_itself(level_db: int, delay_ms: int) -> None:
    out, guard = cleaned(microphone(level_db, delay_ms))
    assert turns(voiced(out)) == []
    assert guard.has_echo


@pytest.mark.looptime
@pytest.mark.parametrize("cancels_echo", [True, False])
async def test_a_conversation_has_a_guard_unless_the_setting_says_no(*, cancels_echo: bool) -> None:
    talk = Conversation(cancels_echo=cancels_echo)
    talk.llm.reply = [f"word{number} " for number in range(12)]
    says = spoken(LEARNER_LINES[0], 24_000).tobytes()
    talk.tts.sound = lambda samples: (says * 2)[: 2 * samples]
    played, seen, sent = np.zeros(10 * RATE_HZ), 0, 0
    async with talk.running():
        await talk.post(text("a story, please"))
        while sent < 4 * RATE_HZ:
            await asyncio.sleep(0.02)
            for seconds, message in talk.got[seen:]:
                if isinstance(message, bytes):  # 24 kHz; played 100 ms after it came, but after the audio before it
                    pcm = soxr.resample(np.frombuffer(message, "<i2").astype(float), 24_000, RATE_HZ)
                    begin = max(round((seconds + 0.1) * RATE_HZ), int(np.flatnonzero(played).max(initial=-1)) + 1)
                    played[begin : begin + len(pcm)] = pcm
            seen = len(talk.got)
            frame = played[sent : sent + 320] * 0.1
            sent += 320
            await talk.audio.feed(frame.astype("<i2").tobytes())
    heard = np.frombuffer(bytes(talk.asr.heard), "<i2")[2 * RATE_HZ :].astype(float)
    loudness = np.sqrt(np.mean(np.square(heard)))
    assert loudness < 60 if cancels_echo else loudness > 400


def test_without_the_guard_it_does() -> None:
    assert len(turns(voiced(microphone(-40, 50)))) > 30


@pytest.mark.parametrize(
    ("level_db", "file"), [(-20, "beckett.wav"), (-40, "two_cities.wav"), (-60, "endgame_nagg_nell.wav")]
)
def test_a_person_who_speaks_over_the_partner_is_heard(level_db: int, file: str) -> None:
    out, _ = cleaned(microphone(level_db, 150, recording(file)))
    began = round(SPEAKS_AT_S / WINDOW_S)
    windows, wanted = voiced(out), voiced(microphone(None, 0, recording(file)))[: len(out) // 512]
    assert not [at for at in turns(windows) if at < began - TURN_WINDOWS]
    assert turns(windows)[0] - turns(wanted)[0] <= 5  # 160 ms
    assert (windows[began:] & wanted[began:]).sum() >= 0.8 * wanted[began:].sum()


def test_without_an_echo_the_audio_stays_as_it_is() -> None:
    heard = microphone(None, 0, recording("beckett.wav"))
    out, guard = cleaned(heard)
    assert not guard.has_echo
    assert np.array_equal(out, heard)


@pytest.mark.parametrize("speaks_at_s", [BEGIN_S, BEGIN_S + 0.3, BEGIN_S + 1.2])
def test_a_microphone_that_is_only_on_while_the_learner_speaks_over_the_partner_is_heard_completely(
    speaks_at_s: float,
) -> None:
    """Push to talk switches a microphone like this, and so do clients that send only voice. Until the guard has
    compared a second of the speech, it can't tell the speech from an echo."""
    heard = microphone(None, 0, recording("beckett.wav"), speaks_at_s=speaks_at_s)
    out, guard = cleaned(heard, on_at_s=speaks_at_s)
    assert not guard.has_echo
    assert len(out) > 1.5 * RATE_HZ
    assert np.array_equal(out, heard[-len(out) :])


def test_what_is_held_back_when_the_microphone_is_switched_off_is_not_lost() -> None:
    on, off = round((BEGIN_S + 0.3) * RATE_HZ), round((BEGIN_S + 1.1) * RATE_HZ)
    heard = microphone(None, 0, recording("beckett.wav"), speaks_at_s=BEGIN_S + 0.3)[:off]
    out, guard = cleaned(heard, on_at_s=on / RATE_HZ)
    assert len(out) < 0.1 * RATE_HZ
    assert np.array_equal(np.concatenate([out, np.frombuffer(guard.flush(), "<i2")]), heard[on:])
    assert guard.flush() == b""


def test_speech_over_the_first_second_of_the_first_reply_is_heard_completely() -> None:
    heard = microphone(None, 0, recording("beckett.wav"), speaks_at_s=BEGIN_S + 0.9)
    out, guard = cleaned(heard)
    assert np.array_equal(out, heard)
    assert not guard.has_echo


def test_a_partner_who_is_too_soft_to_tell_is_not_cancelled_for_ever() -> None:
    """After two seconds, the guard assumes that there is no echo. Cancelling ends, and so does its use of CPU time."""
    now = 0.0
    guard = EchoGuard(RATE_HZ, lambda: now)
    guard.note(AiAudioStart(sample_rate=RATE_HZ, turn_id="1"))
    voice = np.tile(recording("beckett.wav"), 3)[: 9 * RATE_HZ]
    softly = np.random.default_rng(3).normal(0, 100, len(voice)).astype(np.int16)
    cleaned_frames = []
    for at in range(0, len(voice), 320):
        guard.note(softly[at : at + 320].tobytes())
        now = (at + 320) / RATE_HZ
        cleaned_frames.append(asyncio.run(guard.clean(voice[at : at + 320].tobytes())))
    assert not guard.has_echo
    assert np.array_equal(np.frombuffer(b"".join(cleaned_frames), "<i2"), voice)


def test_a_quiet_microphone_is_never_changed() -> None:
    heard = microphone(None, 0)
    out, guard = cleaned(heard)
    assert np.array_equal(out, heard)
    assert guard._canceller.presence is Presence.ABSENT


def test_a_silent_partner_costs_nothing_and_changes_nothing() -> None:
    heard = microphone(-20, 400)
    guard = EchoGuard(RATE_HZ, lambda: 0.0)
    assert asyncio.run(guard.clean(heard.tobytes())) == heard.tobytes()


@pytest.mark.parametrize("sizes", [(3, 500), (250,)])
def test_slices_of_any_length_are_cleaned_and_no_sample_is_lost(sizes: tuple[int, ...]) -> None:
    heard = microphone(-20, 400)[: round(2.5 * RATE_HZ)]
    out, guard = cleaned(heard, sizes)
    assert guard.has_echo
    assert len(heard) - len(out) < RATE_HZ // 100


def test_after_an_interruption_nothing_more_is_played() -> None:
    now = 0.0
    guard = EchoGuard(RATE_HZ, lambda: now)
    guard.note(AiAudioStart(sample_rate=RATE_HZ, turn_id="1"))
    guard.note(partner().tobytes())
    now = 1.0
    guard.note(Interrupted(turn_id="1", heard_text=""))
    assert guard._played.is_heard_in(0, RATE_HZ)
    assert not guard._played.is_heard_in(RATE_HZ, 9 * RATE_HZ)


def test_silence_is_not_heard_and_costs_nothing() -> None:
    guard = EchoGuard(RATE_HZ, lambda: 0.0)
    guard.note(np.zeros(4000, np.int16).tobytes())
    assert not guard._played.is_heard_in(0, RATE_HZ)
    voice = recording("beckett.wav")[:4000].tobytes()
    assert asyncio.run(guard.clean(voice)) == voice
    assert guard._canceller.presence is Presence.UNKNOWN


def test_on_headphones_nothing_is_correlated_while_the_learner_listens_and_nothing_is_kept_after_the_reply() -> None:
    quiet = np.concatenate([microphone(None, 0), microphone(None, 0)])
    out, guard = cleaned(quiet)
    assert np.array_equal(out, quiet)
    assert guard._canceller._search._correlation._sum is None
    assert not guard._played._pieces


def test_audio_is_played_after_the_audio_sent_before_it() -> None:
    played = PlayedAudio(RATE_HZ)
    played.add(b"\1\0" * 100, 50)
    played.add(b"\2\0" * 100, 60)
    played.add(b"\3\0" * 100, 400)
    assert played.read(148, 152).tolist() == [1, 1, 2, 2]
    assert played.read(249, 251).tolist() == [2, 0]
    assert played.read(399, 401).tolist() == [0, 3]


@pytest.mark.parametrize("source_rate_hz", [24_000, 22_050, 48_000])
def test_played_audio_is_resampled_without_gaps(source_rate_hz: int) -> None:
    def tone(rate_hz: int) -> npt.NDArray[np.float64]:
        return 3000 * np.sin(2 * np.pi * 200 * np.arange(rate_hz) / rate_hz)

    played = PlayedAudio(RATE_HZ)
    played.begin(source_rate_hz)
    sent = tone(source_rate_hz).astype("<i2")
    for at in range(0, source_rate_hz, 1111):
        played.add(sent[at : at + 1111].tobytes(), 500)
    heard = played.read(500, 500 + RATE_HZ)
    errors = [np.abs(heard[100 + late : 15_000] - tone(RATE_HZ)[100 : 15_000 - late]).max() for late in range(40)]
    assert min(errors) < 200  # the resampler delays by about a millisecond and rounds


def test_the_correlation_tells_the_delay() -> None:
    correlation, speech = Correlation(RATE_HZ), np.pad(partner(), (2 * RATE_HZ, 2 * RATE_HZ))
    at, delay = 3 * RATE_HZ, 0.317 * RATE_HZ
    heard = speech[at - round(delay) : at - round(delay) + correlation.window] // 50
    played = speech[at - correlation.latest : at + correlation.window - correlation.earliest]
    certainty, found = correlation.add(heard, played)
    assert certainty > 15
    assert found == pytest.approx(delay, abs=4)


def test_echoes_come_and_go() -> None:
    presence = EchoPresence()
    presence.check(5.0, 0)
    presence.check(5.0, 0)
    assert presence.state is Presence.ABSENT
    presence.check(30.0, 800)
    assert (presence.state, presence.delay) == (Presence.PRESENT, 800)
    for _ in range(40):
        presence.check(5.0, 0)
    assert (presence.state, presence.delay) == (Presence.ABSENT, None)


def test_a_learner_who_speaks_at_once_is_told_from_an_echo_after_a_second_more() -> None:
    presence = EchoPresence()
    for checks in range(1, 6):
        assert presence.state is Presence.UNKNOWN, checks
        presence.check(10.0, 0)
    assert presence.state is Presence.ABSENT


@given(seed=st.integers(0, 10_000))
def test_late_audio_does_not_change_when_it_was_recorded(seed: int) -> None:
    late_ms = random.Random(seed)
    clock = MicrophoneClock(1000)
    came, first = 0.0, clock.add(20, 10.02)
    for number in range(1, 41):
        came = max(came, 10.02 + 0.02 * number + late_ms.choice([0, late_ms.randint(0, 2000)]) / 1000)
        assert clock.add(20, came) == first + 20 * number


def test_a_microphone_that_was_off_begins_anew() -> None:
    clock = MicrophoneClock(1000)
    clock.add(1000, 11.0)
    assert clock.add(20, 60.02) == 60_000
