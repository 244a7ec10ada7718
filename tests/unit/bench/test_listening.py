"""What `make bench` counts as an answer, and from when it times the answer."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.listening import Ear, Event, ReplyHeard, ReplyOver, TurnEnded, answer_to
from bench.microphone import FRAME, FRAME_S, Microphone
from bench.systems import AiTalk, Pipecat
from bench.utterances import Utterance, in_order_of

RATE = 24_000


def pcm(*pieces: tuple[int, int]) -> bytes:
    """Pieces of (samples, level)."""
    return np.concatenate([np.full(count, level, "<i2") for count, level in pieces]).tobytes()


def answer(*events: Event) -> tuple[float | None, bool, bool]:
    """The result for an utterance from 10 to 12 s: latency in s, whether it was cut, whether the answer was
    premature."""
    found = answer_to("…", 10.0, 12.0, events)
    return found.latency_s, found.cut, found.premature


def test_an_answer_is_timed_from_the_last_voiced_sample() -> None:
    assert answer(TurnEnded(12.5), ReplyHeard(12.75), ReplyOver(14)) == (0.75, False, False)


def test_a_reply_to_half_of_the_sentence_is_no_answer_to_the_whole() -> None:
    assert answer(TurnEnded(11.0), ReplyHeard(12.1)) == (None, True, False)
    assert answer(TurnEnded(11.0), ReplyHeard(11.5), ReplyOver(11.7), TurnEnded(12.5), ReplyHeard(13)) == (
        1,
        True,
        True,
    )
    # The reply to the first turn begins before the second turn ends, so only the next reply counts.
    assert answer(TurnEnded(11.0), ReplyHeard(12.2), TurnEnded(12.5), ReplyHeard(13)) == (1.0, True, False)


def test_two_turns_of_one_utterance_are_a_cut_even_after_its_end() -> None:
    assert answer(TurnEnded(12.5), TurnEnded(12.6), ReplyHeard(13.0)) == (1.0, True, False)


def test_no_reply_is_no_answer() -> None:
    assert answer() == (None, False, False)
    assert answer(TurnEnded(12.5)) == (None, False, False)


def test_audio_before_the_utterance_is_not_part_of_it() -> None:
    assert answer(TurnEnded(9.0), ReplyHeard(9.9), TurnEnded(12.5), ReplyHeard(13.0)) == (1.0, False, False)


def test_leading_silence_of_a_reply_is_waited_for() -> None:
    ear = Ear(RATE)
    assert ear.hear(pcm((2400, 0)), 5.0) is None
    # The audio arrives at once, but it is played after the earlier audio.
    heard = ear.hear(pcm((1200, 100), (1200, 4000)), 5.01)
    assert heard
    assert heard.at_s == pytest.approx(5.15)
    assert ear.hear(pcm((2400, 4000)), 5.02) is None
    assert ear.played_ms(5.2) == pytest.approx(200)
    assert ear.played_ms(9.0) == pytest.approx(300)


def test_a_new_reply_is_heard_anew_and_does_not_queue_behind_the_old_one() -> None:
    ear = Ear(RATE)
    ear.hear(pcm((RATE * 60, 4000)), 5.0)
    ear.new_reply()
    assert ear.played_ms(6.0) == 0
    assert ear.hear(pcm((10, -4000)), 6.0) == ReplyHeard(6.0)


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20), st.integers(0, 20_000))
def test_how_audio_is_cut_up_does_not_change_when_it_is_heard(sizes: list[int], silence: int) -> None:
    audio = pcm((silence, 0), (4000 * 20, 4000))
    ear, heard, begin = Ear(RATE), [], 0
    for size in [*sizes, len(audio) // 2]:
        heard.append(ear.hear(audio[begin : begin + 2 * size], 1.0))
        begin += 2 * size
    assert [event.at_s for event in heard if event] == [pytest.approx(1.0 + silence / RATE)]


async def test_a_microphone_is_on_time_whatever_its_line_is_like() -> None:
    """A connection that blocks for three frames delays none of the later frames. The speech comes at the time that
    `say` returned."""
    frames: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    enough = asyncio.Event()

    async def send(frame: bytes) -> None:
        frames.append(np.frombuffer(frame, "<i2"))
        if len(frames) == 5:
            await asyncio.sleep(3 * FRAME_S)
        if len(frames) == 20:
            enough.set()

    microphone = Microphone(send, seed=1)
    task = asyncio.ensure_future(microphone.run())
    while len(frames) < 2:
        await asyncio.sleep(FRAME_S / 4)
    began_s = microphone.say(np.full(FRAME + FRAME // 2, 9000, np.int16))
    await enough.wait()
    task.cancel()
    loud = [int((frame > 4000).sum()) for frame in frames]
    first = next(at for at, count in enumerate(loud) if count)
    assert loud[first : first + 3] == [FRAME, FRAME // 2, 0]
    assert began_s == pytest.approx(microphone._began_s + first * FRAME_S)
    assert microphone.worst_lateness_s > FRAME_S  # the delay is reported
    assert all(frame.any() for frame in frames)  # a room is never completely silent


def test_the_end_of_an_utterance_is_its_last_voiced_sample() -> None:
    speech = np.concatenate([np.full(8000, 4000), np.full(8000, 0), np.full(4000, -4000), np.full(4000, 90)])
    assert Utterance("…", speech.astype(np.int16)).last_voiced_s == 1.25


def test_learners_at_once_say_the_same_in_different_orders() -> None:
    said = tuple(Utterance(str(number), np.zeros(1, np.int16)) for number in range(9))
    orders = [tuple(utterance.name for utterance in in_order_of(learner, said)) for learner in range(4)]
    assert len(set(orders)) == 4
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def test_both_systems_are_read_alike() -> None:
    ours, theirs = AiTalk(), Pipecat()
    assert ours.read('{"type":"connected","session_id":"s","resume_token":"t"}', 0.0) is None
    assert theirs.read('{"type":"ready"}', 0.0) is None
    assert ours.is_ready
    assert theirs.is_ready
    assert ours.read('{"type":"transcript","text":"Hi","is_final":false}', 1.0) is None
    assert ours.read('{"type":"transcript","text":"Hi.","is_final":true,"words":[]}', 2.0) == TurnEnded(2.0)
    assert theirs.read('{"type":"turn"}', 2.0) == TurnEnded(2.0)
    ours.read('{"type":"ai_audio_start","sample_rate":24000,"turn_id":"r"}', 3.0)
    assert ours.read(pcm((5, 4000)), 3.0) == theirs.read(pcm((5, 4000)), 3.0) == ReplyHeard(3.0)
    complete = '{"type":"turn_complete","turn_id":"r","latency_ms":{"eager":300.0}}'
    assert ours.read(complete, 4.0) == theirs.read('{"type":"silent"}', 4.0) == ReplyOver(4.0)
    assert ours.latencies == [{"eager": 300.0}]
