"""The targets of `make fuzz` on the corpus in the repository, and how much sound a few bytes of audio may become."""

from __future__ import annotations

import pytest

from gateway.audio import AudioError
from gateway.audio.adts import decode_adts
from gateway.audio.expansion_limit import FLAC_MAX_S_PER_KIB, FREE_S, MAX_RATE_HZ, MIN_RATE_HZ, ExpansionLimit
from gateway.audio.flac import decode_flac
from gateway.audio.types import StreamKind
from tests.fuzz.__main__ import CORPUS
from tests.fuzz.targets import BYTES_PER_S, RATE_HZ, TARGETS, Bytes, decoded_bytes
from tests.support.audio import adts, chirp, flac_of_nothing

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_shows_no_fault(name: str) -> None:
    for path in (CORPUS / name).iterdir():
        data = path.read_bytes()
        for end in range(0, len(data), 1 + len(data) // 20):
            TARGETS[name](data[:end])
        TARGETS[name](data)


def test_a_target_that_breaks_a_promise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.targets.MAX_S_PER_KIB", 0.0)
    monkeypatch.setattr("tests.fuzz.targets.FREE_S", 0.0)
    with pytest.raises(AssertionError, match="bytes of PCM"):
        decoded_bytes(StreamKind.AAC, decode_adts, adts(chirp(0.5, 16_000), 16_000), 100)


def pcm_and_error(data: bytes) -> tuple[int, str]:
    """The number of bytes of PCM that this FLAC becomes, and the code of the error, or "" without one."""
    total = 0
    try:
        for audio in decode_flac(Bytes(data, len(data)), RATE_HZ):
            total += len(audio.pcm)
    except AudioError as error:
        return total, error.code
    return total, ""


def test_a_few_bytes_of_flac_do_not_become_an_hour_of_sound() -> None:
    """Without the limit, 72 bytes at 100 Hz became 42 MB of PCM."""
    data = flac_of_nothing(8_000, 100)
    total, code = pcm_and_error(data)
    assert code == "unsupported_audio"
    assert 0 < total <= BYTES_PER_S * (FREE_S + FLAC_MAX_S_PER_KIB * len(data) / 1024)
    assert pcm_and_error(flac_of_nothing(100, 2)) == (0, "unsupported_audio")


@pytest.mark.parametrize("rate_hz", [0, MIN_RATE_HZ - 1, MAX_RATE_HZ + 1])
def test_a_rate_that_no_microphone_has_is_refused(rate_hz: int) -> None:
    with pytest.raises(AudioError, match=f"{rate_hz} Hz"):
        ExpansionLimit("FLAC").check_rate(rate_hz)
