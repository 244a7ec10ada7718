"""Windows of audio that may wait for the next window do so. Others are sent at once. No audio is lost."""

from __future__ import annotations

import math
from itertools import accumulate, cycle, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.audio.gathering import SILENT_WINDOWS, SPEAKING_WINDOWS, Expected, Gathering

WINDOW = 64
HISS = np.random.default_rng(1).choice([-1, 1], WINDOW)
ROOM, VOICE = 20, 2000  # the levels of a quiet room and of a voice (root mean square)

levels = st.lists(st.sampled_from([0, ROOM, VOICE // 4, VOICE]), max_size=40)
expectations = st.sampled_from(Expected)


def window(level: int) -> bytes:
    return (HISS * level).astype("<i2").tobytes()


def sizes(gathering: Gathering, *heard: int) -> list[int]:
    """The number of windows that are sent after each of these windows."""
    return [len(gathering.add(window(level))) // (2 * WINDOW) for level in heard]


def expecting(what: Expected, *heard: int) -> Gathering:
    """A Gathering that has heard these windows, holds none of them, and now expects `what`."""
    gathering = Gathering(WINDOW)
    sizes(gathering, *heard)
    gathering.expected = what
    return gathering


def test_until_something_is_expected_each_window_goes_at_once() -> None:
    assert sizes(Gathering(WINDOW), ROOM, VOICE, ROOM) == [1, 1, 1]


def test_a_voice_goes_on_in_sixes_and_a_second_quiet_window_takes_along_what_waits() -> None:
    gathering = expecting(Expected.PAUSE, ROOM)
    voice = sizes(gathering, *[VOICE] * (SPEAKING_WINDOWS + 1))
    assert voice == [0] * (SPEAKING_WINDOWS - 1) + [SPEAKING_WINDOWS, 0]
    assert sizes(gathering, ROOM, ROOM, ROOM, VOICE) == [0, 3, 1, 0]


def test_a_voice_that_stops_in_a_loud_room_is_not_held() -> None:
    """The room is only 9.5 dB softer than the voice."""
    assert sizes(expecting(Expected.PAUSE, 1000, 3000), 3000, 1000, 1000, 1000) == [0, 0, 3, 1]


def test_a_silent_room_goes_on_in_twelves_and_a_sound_takes_along_what_waits() -> None:
    gathering = expecting(Expected.VOICE, ROOM)
    assert sizes(gathering, *[ROOM] * (SILENT_WINDOWS + 1)) == [0] * (SILENT_WINDOWS - 1) + [SILENT_WINDOWS, 0]
    assert sizes(gathering, VOICE, VOICE) == [2, 1]


def test_a_room_that_has_become_louder_is_a_room_after_a_while() -> None:
    gathering = expecting(Expected.VOICE, ROOM)
    of_late = sizes(gathering, *[VOICE] * 120)[-2 * SILENT_WINDOWS :]
    assert [size for size in of_late if size] == [SILENT_WINDOWS] * 2


@given(levels, expectations)
def test_nothing_waits_longer_than_for_so_many_windows(heard: list[int], expected: Expected) -> None:
    most = {Expected.VOICE: SILENT_WINDOWS, Expected.PAUSE: SPEAKING_WINDOWS, Expected.ANYTHING: 1}[expected]
    gathering, held = expecting(expected), 0
    for gone in sizes(gathering, *heard):
        held += 1 - gone
        assert held < most


def test_a_sound_nearer_to_the_voice_than_to_the_room_is_not_a_pause() -> None:
    """In both cases the sound is 12 dB softer than the voice. The room is 14 dB softer than the voice in the first
    case, and 40 dB in the second."""
    assert sizes(expecting(Expected.PAUSE, VOICE // 5, VOICE), VOICE // 4, VOICE // 4) == [0, 2]
    assert sizes(expecting(Expected.PAUSE, ROOM, VOICE), VOICE // 4, VOICE // 4) == [0, 0]


@given(levels, st.sampled_from([0, ROOM]))
def test_a_second_quiet_window_after_loud_ones_never_waits(heard: list[int], quiet: int) -> None:
    """Recognition takes two quiet windows for a pause."""
    assert sizes(expecting(Expected.PAUSE, *heard, VOICE), quiet, quiet)[1] > 0


@given(levels, st.integers(0, WINDOW - 1))
def test_with_what_is_missing_a_window_is_whole(heard: list[int], more: int) -> None:
    gathering = expecting(Expected.ANYTHING, *heard)
    assert gathering.add(window(VOICE)[: 2 * more]) == b""
    assert gathering.add(bytes(gathering.missing_bytes - 2)) == b""
    assert gathering.add(bytes(2))


@given(levels, st.sampled_from([Expected.PAUSE, Expected.ANYTHING]), st.none() | st.integers(0, 8))
def test_within_a_turn_what_is_missing_delays_nothing(heard: list[int], expected: Expected, most: int | None) -> None:
    each, read = expecting(expected), expecting(expected)
    each.most_windows = read.most_windows = math.inf if most is None else most
    pcm, came, gone = b"".join(map(window, heard)), 0, list(accumulate(sizes(each, *heard)))
    for size in iter(lambda: read.missing_bytes, None):
        came += len(read.add(pcm[:size])) // (2 * WINDOW)
        pcm = pcm[size:]
        if not pcm:
            break
        assert came == gone[-1 - len(pcm) // (2 * WINDOW)]


def test_after_a_loud_window_two_are_read_at_once_and_after_a_quiet_one_the_next() -> None:
    gathering = expecting(Expected.PAUSE, ROOM, VOICE)
    assert gathering.missing_bytes == 4 * WINDOW
    gathering.add(window(VOICE) + window(ROOM))
    assert gathering.missing_bytes == 2 * WINDOW


@given(levels, st.lists(st.integers(0, 40 * WINDOW)), st.lists(st.tuples(st.integers(0, 60), expectations)))
def test_however_it_is_cut_the_same_comes_out(
    heard: list[int], places: list[int], changes: list[tuple[int, Expected]]
) -> None:
    pcm = b"".join(map(window, heard))
    cuts = sorted({min(2 * place, len(pcm)) for place in places} | {0, len(pcm)})
    gathering, expected, came = Gathering(WINDOW), dict(changes), b""
    for index, (begin, end) in enumerate(pairwise(cuts)):
        gathering.expected = expected.get(index, gathering.expected)
        came += gathering.add(pcm[begin:end])
    assert came + gathering.rest() == pcm


@given(levels, expectations, st.lists(st.integers(1, WINDOW), min_size=1))
def test_when_windows_are_sent_does_not_depend_on_frames(
    heard: list[int], expected: Expected, frames: list[int]
) -> None:
    """This holds as long as no frame is longer than a window."""
    whole = list(accumulate(size for size in sizes(expecting(expected), *heard) if size))
    pcm, gathering, came, cut = b"".join(map(window, heard)), expecting(expected), 0, []
    for size in cycle(frames):
        gone, pcm = gathering.add(pcm[: 2 * size]), pcm[2 * size :]
        came += len(gone)
        if gone:
            cut.append(came // (2 * WINDOW))
        if not pcm:
            break
    assert cut == whole


def test_after_a_rest_windows_are_where_they_were() -> None:
    gathering = Gathering(WINDOW)
    half = window(VOICE)[:WINDOW]
    assert gathering.add(half) == b""
    assert gathering.rest() == half
    assert gathering.add(half) == half
    assert gathering.add(half) == b""
    assert gathering.add(half) == 2 * half
