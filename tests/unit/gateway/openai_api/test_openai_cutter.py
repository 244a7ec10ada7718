"""Long recordings are cut into pieces where they are silent."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai_api.cutter import MAX_PIECE_S, MIN_PIECE_S, RATE_HZ, Cutter
from tests.support.audio import chirp


@given(st.lists(st.integers(0, 3 * RATE_HZ), max_size=40), st.randoms(use_true_random=False))
def test_the_pieces_are_the_recording(blocks: list[int], random: Any) -> None:
    """No audio is lost or comes twice. Each piece but the last one has from MIN_PIECE_S to MAX_PIECE_S of audio."""
    generator = np.random.default_rng(random.randrange(1 << 30))
    recording = generator.integers(1000, 3000, sum(blocks), dtype=np.int16).astype("<i2")
    cutter = Cutter()
    pieces = [
        piece for block in np.split(recording, np.cumsum(blocks)) for piece in cutter.push(block.tobytes())
    ] + list(cutter.finish())
    assert b"".join(piece.pcm for piece in pieces) == recording.tobytes()
    assert cutter.samples == len(recording)
    lengths = [len(piece.pcm) // 2 for piece in pieces]
    assert [piece.start for piece in pieces] == [sum(lengths[:i]) for i in range(len(lengths))]
    assert all(MIN_PIECE_S * RATE_HZ <= length <= MAX_PIECE_S * RATE_HZ for length in lengths[:-1])


def test_silence_is_not_recognised() -> None:
    cutter = Cutter()
    silence = bytes(2 * RATE_HZ * 60)
    assert not [*cutter.push(silence), *cutter.finish()]
    sound = [*cutter.push(chirp(1.0, RATE_HZ).tobytes()), *cutter.finish()]
    assert [piece.start for piece in sound] == [60 * RATE_HZ]
