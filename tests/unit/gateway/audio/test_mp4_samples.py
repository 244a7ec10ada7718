"""A few bytes of MP4 can't claim so many samples that libav's list of them fills the memory."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from gateway.audio.framing import MAX_FRAGMENT_SAMPLES, MAX_SAMPLES, Mp4Framing
from tests.support.audio import hear


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I", 8 + len(body)) + kind + body


def trun(samples: int) -> bytes:
    return box(b"trun", bytes(4), struct.pack(">I", samples))


def stsz(samples: int) -> bytes:
    return box(b"stsz", bytes(4), struct.pack(">II", 2, samples))


def index(*tables: bytes) -> bytes:
    return box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", *tables)))))


def fragment(samples: int, size: int = 0) -> bytes:
    return box(b"moof", box(b"traf", trun(samples))) + box(b"mdat", bytes(size))


HEAD = box(b"ftyp", b"iso5")
LIMITS: dict[str, tuple[bytes, Callable[[int], bytes], int]] = {
    "a fragment": (HEAD + index(), lambda samples: fragment(samples), MAX_FRAGMENT_SAMPLES),
    "an index": (HEAD, lambda samples: index(stsz(samples)), MAX_SAMPLES),
    "a compact index": (HEAD, lambda samples: index(stsz(samples).replace(b"stsz", b"stz2")), MAX_SAMPLES),
}


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("name", LIMITS)
def test_a_box_may_claim_so_many_samples_and_no_more(name: str, size: int) -> None:
    begin, claim, most = LIMITS[name]
    for samples, is_refused in ((most, False), (most + 1_000, True)):
        framing, data = Mp4Framing(), begin + claim(samples)
        passed = b"".join(framing.push(data[at : at + size]) for at in range(0, len(data), size) if not framing.over)
        assert (framing.damage is not None) == is_refused
        assert data.startswith(passed)
        assert (struct.pack(">I", samples) in passed) != is_refused  # libav never reads a count that is too high


def test_a_long_live_recording_is_not_refused() -> None:
    """An hour of 16-bit PCM at 48 kHz, in fragments of a second; and counts in the sound itself mean nothing."""
    framing = Mp4Framing()
    framing.push(HEAD + index())
    for _ in range(3600):
        framing.push(fragment(48_000, 96_000))
    framing.push(box(b"mdat", trun(4_000_000_000)))
    assert framing.damage is None


def test_many_fragments_without_sound_are_refused() -> None:
    framing = Mp4Framing()
    framing.push(HEAD + index())
    for _ in range(30):
        framing.push(fragment(48_000))
    assert framing.damage is not None


async def test_the_learner_is_told() -> None:
    heard = await hear([HEAD + index() + fragment(MAX_FRAGMENT_SAMPLES + 1_000)])
    assert heard.codes == ["corrupt_audio"]
