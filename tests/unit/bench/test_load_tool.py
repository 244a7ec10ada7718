"""The load tool's arithmetic: what counts as a frame, what counts as an answer, and when an answer is due."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from bench.load.client import ServerFrames, Turns, masked_frame
from bench.load.expected import Ending, answers, percentile
from bench.load.speech import FRAME_S

FRAMES = 1200
ENDS = [Ending(voice=300, eager=320, over=340)]
MODELS_S = 0.5
POSSIBLE_S = 320 * FRAME_S + MODELS_S  # the models need longer than the time from the eager end to the end


@given(
    payloads=st.lists(st.sampled_from([b"", b"x", bytes(125), bytes(126), bytes(640), bytes(70_000)]), max_size=5),
    cuts=st.lists(st.integers(0, 80_000), max_size=8),
)
def test_frames_of_a_server_are_found_however_they_arrive(payloads: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(Frame(Opcode.BINARY, payload).serialize(mask=False) for payload in payloads)
    edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    incoming = ServerFrames()
    found = [frame for begin, end in pairwise(edges) for frame in incoming.feed(wire[begin:end])]
    assert found == [(Opcode.BINARY, payload) for payload in payloads]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 640, 65_535])
def test_a_client_frame_is_what_a_server_reads(size: int) -> None:
    reader = StreamReader()
    reader.feed_data(masked_frame(Opcode.BINARY, b"\7" * size))
    parsing = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as stopped:
        next(parsing)
    assert stopped.value.value.data == b"\7" * size


def spoke(*answers_s: float, phase: int = 0, seconds: float = 12.0) -> Turns:
    sent = round(seconds / FRAME_S)
    return Turns(began_s=0.0, phase=phase, sent_frames=sent, answers_s=list(answers_s), lost=False)


def test_an_answer_is_timed_from_when_it_was_possible() -> None:
    came = answers([spoke(POSSIBLE_S + 0.012)], ENDS, FRAMES, MODELS_S)
    assert (came.due, came.given) == (1, 1)
    assert came.added_ms == [pytest.approx(12.0)]
    assert came.voice_to_voice_ms == [pytest.approx(1000 * (20 * FRAME_S + MODELS_S) + 12)]


def test_a_turn_waits_for_its_endpoint_if_the_models_are_faster() -> None:
    came = answers([spoke(340 * FRAME_S + 0.005)], ENDS, FRAMES, 0.01)
    assert came.added_ms == [pytest.approx(5.0)]


@pytest.mark.parametrize("at_s", [1.0, 5.9, POSSIBLE_S + 3.1])
def test_an_answer_to_another_question_does_not_count(at_s: float) -> None:
    came = answers([spoke(at_s)], ENDS, FRAMES, MODELS_S)
    assert (came.due, came.given) == (1, 0)


def test_turns_at_the_edges_of_the_run_do_not_count() -> None:
    assert answers([spoke(seconds=8.0)], ENDS, FRAMES, MODELS_S).due == 0
    assert answers([spoke(phase=200)], ENDS, FRAMES, MODELS_S).due == 0
    assert answers([spoke(phase=800, seconds=24.0)], ENDS, FRAMES, MODELS_S).due == 1  # said when the program repeats


def test_percentiles() -> None:
    assert percentile([], 99) is None
    assert percentile([3, 1, 2], 50) == 2
    assert percentile(list(range(100)), 99) == 99
