"""What real recorders write, and how much sound a few kilobytes may become.

Sources: issue 15 (stereo with one channel inverted, WAV headers that count only the first piece, gaps in timestamps)
and issue 20 (sample rates, content encodings, decoding ratios, unknown codecs, tags that are not UTF-8).
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audio.expansion_limit import FREE_S, MAX_S_PER_KIB
from gateway.audio.framing import WebmFraming
from gateway.audio.mono import BLOCK, Downmix
from tests.support.audio import Samples, chirp, cut, hear, likeness, resampled, wav, webm

WANTED = resampled(chirp(1.0), 48_000, 16_000)


def stereo_wav(left: Samples, right: Samples, rate_hz: int) -> bytes:
    """A stereo WAV with these two channels."""
    data = bytearray(wav(np.column_stack([left, right]).reshape(-1), rate_hz))
    data[22:24] = struct.pack("<H", 2)
    return bytes(data)


@pytest.mark.parametrize("sign", [1, -1, 0])
async def test_a_stereo_microphone_is_heard_whatever_its_second_channel_says(sign: int) -> None:
    sound = chirp(1.0)
    heard = await hear(cut(stereo_wav(sound, (sign * sound).astype(np.int16), 48_000), 3840))
    assert not heard.errors
    later = slice(BLOCK, None)  # it takes a block to notice what the second channel has
    assert likeness(heard.samples[later], WANTED[later]) > 0.99
    assert np.abs(heard.samples[later]).max() > 4000


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=8), st.sampled_from([1, -1]))
def test_however_stereo_is_cut_the_same_comes_out(places: list[int], sign: int) -> None:
    sound = chirp(0.1, 16_000)
    stereo = np.column_stack([sound, sign * sound]).astype(np.int16)
    downmix, pieces = Downmix(), np.split(stereo, sorted(min(place, len(stereo)) for place in places))
    assert b"".join(downmix.mix(piece) for piece in pieces) == Downmix().mix(stereo)


async def test_a_wav_whose_header_tells_of_its_first_piece_only_goes_on() -> None:
    sound = chirp(1.0, 16_000)
    heard = await hear(cut(wav(sound, size=3200), 3244))
    assert (heard.errors, heard.pcm) == ([], sound.tobytes())


async def test_a_wav_with_text_behind_its_samples_still_ends_there() -> None:
    sound = chirp(0.2, 16_000)
    heard = await hear([wav(sound, after=b"LIST\x04\0\0\0abcd"), wav(sound)])
    assert (heard.errors, heard.pcm) == ([], 2 * sound.tobytes())


async def test_a_gap_in_the_timestamps_is_silence() -> None:
    """A recorder leaves out packets of silence: here 0.5 s."""
    data = webm(chirp(2.0), frame_ms=20)
    clusters = [at for at in range(len(data)) if data.startswith(bytes.fromhex("1f43b675"), at)]
    begin, end = clusters[8], clusters[13]
    whole, heard = await hear([data]), await hear([data[:begin] + data[end:]])
    assert not heard.errors
    assert abs(len(heard.samples) - len(whole.samples)) <= 16_000 // 50
    assert np.abs(heard.samples[14_400:17_600]).max() < 100


@pytest.mark.parametrize("rate_hz", [0.001, 1.0, 3999.0, 192_001.0])
async def test_containers_have_the_sample_rates_of_wav(rate_hz: float) -> None:
    data = webm(chirp(1.0, 8000), 8000, codec="pcm_s16le")
    heard = await hear([data.replace(struct.pack(">d", 8000.0), struct.pack(">d", rate_hz))])
    assert (heard.codes, heard.pcm) == (["unsupported_audio"], b"")


async def test_a_codec_that_nobody_knows_is_the_clients_error() -> None:
    heard = await hear([webm(chirp(0.5)).replace(b"A_OPUS", b"A_FOOO")])
    assert heard.codes == ["corrupt_audio"]


async def test_a_tag_need_not_be_utf_8() -> None:
    heard = await hear([webm(chirp(1.0)).replace(b"Lavf", b"\xff\xfeav")])
    assert not heard.errors
    assert likeness(heard.samples, WANTED) > 0.98


def element(name: str, body: bytes) -> bytes:
    """An EBML element, whose body is shorter than 127 bytes."""
    return bytes.fromhex(name) + bytes([0x80 | len(body)]) + body


def test_a_compressed_track_is_refused() -> None:
    number, encodings = element("d7", b"\1"), element("6d80", element("6240", b""))
    for inside, is_refused in ((number, False), (number + encodings, True), (element("86", encodings), False)):
        framing = WebmFraming()
        tracks = element("1654ae6b", element("ae", inside))
        framing.push(element("1a45dfa3", b"") + tracks + element("1549a966", b""))
        assert framing.over is is_refused
        assert ("ContentEncodings" in (framing.damage or "")) is is_refused


def ogg_page(packets: list[bytes], number: int, position: int, flags: int = 0) -> bytes:
    body = bytes(map(len, packets)) + b"".join(packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, number, 0, len(packets))
    crc = 0
    for byte in head + body:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return head[:22] + struct.pack("<I", crc) + head[26:] + body


async def test_a_few_bytes_do_not_become_an_hour_of_sound() -> None:
    """Opus without any sound in it: each packet of two bytes stands for six frames of 20 ms."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I4sI", 4, b"test", 0)
    pages = [ogg_page([head], 0, 0, 2), ogg_page([tags], 1, 0)]
    pages += [ogg_page([b"\xfb\x06"] * 250, 2 + at, (at + 1) * 250 * 5760) for at in range(8)]
    heard = await hear(pages)
    assert heard.codes == ["unsupported_audio"]
    assert len(heard.samples) / 16_000 <= FREE_S + MAX_S_PER_KIB * sum(map(len, pages)) / 1024
