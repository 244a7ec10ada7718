"""What the speaker plays, and how much of that counts as heard."""

from __future__ import annotations

from array import array

from aitalk.client.events import Audio
from aitalk.client.held_audio import HELD_BYTES, HeldAudio
from aitalk.client.playback import Heard, PlaybackBuffer, level
from hypothesis import given
from hypothesis import strategies as st

RATE_HZ = 1000  # a sample is a millisecond


def audio(samples: list[int], turn: str = "a") -> Audio:
    return Audio(turn, RATE_HZ, array("h", samples).tobytes())


def taken(buffer: PlaybackBuffer, samples: int) -> list[int]:
    return array("h", buffer.take(samples)).tolist()


@given(st.lists(st.lists(st.integers(-32768, 32767), max_size=20), max_size=8), st.integers(1, 50))
def test_any_cutting_plays_the_same(pieces: list[list[int]], size: int) -> None:
    buffer = PlaybackBuffer()
    for piece in pieces:
        buffer.push(audio(piece))
    whole = [sample for piece in pieces for sample in piece]
    played: list[int] = []
    while len(played) < len(whole):
        played += taken(buffer, size)
    assert played[: len(whole)] == whole
    assert not any(played[len(whole) :])
    assert not whole or buffer.heard() == Heard("a", len(whole))


def test_audio_in_the_sound_card_does_not_count_as_heard() -> None:
    buffer = PlaybackBuffer(latency_s=0.03)
    buffer.push(audio([1] * 100))
    assert buffer.heard() is None
    buffer.take(20)
    assert buffer.heard() == Heard("a", 0)
    buffer.take(40)
    assert buffer.heard() == Heard("a", 30)
    buffer.take(40)
    assert buffer.heard() == Heard("a", 100)  # the buffer is empty: no later report comes, so all of it counts


def test_a_new_turn_is_counted_from_its_beginning() -> None:
    buffer = PlaybackBuffer()
    buffer.push(audio([1] * 10))
    buffer.push(audio([2] * 10, "b"))
    assert taken(buffer, 15) == [1] * 10 + [2] * 5
    assert buffer.heard() == Heard("b", 5)


def test_after_an_interruption_the_rest_of_the_turn_is_dropped() -> None:
    buffer = PlaybackBuffer()
    buffer.push(audio([1] * 10))
    buffer.take(4)
    buffer.flush()
    buffer.push(audio([1] * 10))
    assert taken(buffer, 3) == [0, 0, 0]
    assert buffer.heard() == Heard("a", 4)
    buffer.push(audio([2] * 3, "b"))
    assert taken(buffer, 3) == [2, 2, 2]


def test_a_ducked_partner_is_softer() -> None:
    buffer = PlaybackBuffer()
    buffer.push(audio([1000] * 4))
    buffer.duck(True)
    assert taken(buffer, 2) == [150, 150]
    buffer.duck(False)
    assert taken(buffer, 2) == [1000, 1000]


def test_the_level_is_the_root_mean_square() -> None:
    assert level(array("h", [16384, -16384]).tobytes()) == 0.5
    assert level(b"") == 0


def test_audio_without_a_connection_is_kept_up_to_a_bound() -> None:
    held = HeldAudio()
    for number in range(2 * HELD_BYTES // 1000):
        held.hold(number.to_bytes(4, "big") * 250)
    kept = held.take()
    assert sum(map(len, kept)) <= HELD_BYTES
    assert kept[-1][:4] == (2 * HELD_BYTES // 1000 - 1).to_bytes(4, "big")
    assert held.take() == []


def test_the_latest_audio_is_sent_again_unless_the_learner_was_being_heard() -> None:
    for hearing, again in ((False, [b"bb", b"cc"]), (True, [b"cc"])):
        held = HeldAudio()
        held.sent(b"bb")
        held.connection_ended(hearing=hearing)
        held.hold(b"cc")
        assert held.take() == again
