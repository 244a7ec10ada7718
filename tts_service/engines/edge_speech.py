"""Turns what edge-tts streams (MP3 and the times of words) into pieces of speech with their written words."""

from __future__ import annotations

from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from common.errors import EngineError
from tts_service.engine import EngineAudio, EngineWord
from tts_service.engines.silence import FADE_S, LEAD_S, TAIL_S
from tts_service.text.words import written_words

_QUIET = 0.005  # -46 dB; less counts as silence. The service sends 0.1 s of silence first, and almost 1 s last
_PIECE_S = 0.3  # shortest piece, except the last


class EdgeSpeech:
    """The speech of one `text`. Pieces end where a word begins, so that all words of a piece are known."""

    def __init__(self, text: str, sample_rate_hz: int) -> None:
        self._text = text
        self._rate = sample_rate_hz
        self._decoder = cast(AudioCodecContext, av.CodecContext.create("mp3float", "r"))
        self._pcm = np.zeros(0, np.float32)  # decoded, not yet in a piece
        # samples of silence cut off at the beginning; None: there has been only silence so far
        self._lead: int | None = None
        self._given = 0  # samples in the pieces so far
        self._written = written_words(text)
        self._place = 0  # place in the text after the last word that was found
        self._number = 0  # number of the first written word that is not yet in a piece
        self._heard: dict[int, tuple[int, int]] = {}  # number of a written word → its samples in the stream
        self._guessed = False

    def add_mp3(self, data: bytes) -> None:
        """Take the next bytes of the stream, cut anywhere. Raises EngineError if they are not MP3."""
        self._decode(data)

    def add_word(self, word: str, start_s: float, length_s: float) -> None:
        """Take a word as the service read it.

        Several words of the service may be one written word. A word that isn't in the text is ignored.
        """
        found = self._text.find(word, self._place)
        if found < 0:
            return
        self._place = found + len(word)
        number = next((n for n, (start, end) in enumerate(self._written) if start <= found < end), None)
        if number is not None:
            start, end = round(start_s * self._rate), round((start_s + length_s) * self._rate)
            self._heard[number] = (self._heard.get(number, (start, end))[0], end)

    def piece(self) -> EngineAudio | None:
        """The next piece, if there is enough audio up to the beginning of a word."""
        if self._lead is None:
            return None
        for number in sorted(self._heard, reverse=True):
            cut = self._heard[number][0] - self._lead - self._given
            if number > self._number and _PIECE_S * self._rate <= cut <= len(self._pcm):
                return self._piece(cut, number)
        return None

    def finish(self) -> EngineAudio:
        """The last piece, with the remaining words and a little of the silence after them."""
        self._decode(None)
        loud = np.flatnonzero(np.abs(self._pcm) > _QUIET)
        end = min(len(self._pcm), int(loud[-1]) + round(TAIL_S * self._rate)) if loud.size else 0
        if not self._heard and not self._given:
            return EngineAudio(_faded_out(self._pcm[:end], self._rate), None)
        piece = self._piece(end, len(self._written))
        return EngineAudio(_faded_out(piece.pcm, self._rate), piece.words, piece.timing_estimated)

    def _decode(self, data: bytes | None) -> None:
        try:
            packets = self._decoder.parse(data)
            frames = [frame for packet in packets for frame in self._decoder.decode(packet)]
            frames += self._decoder.decode(None) if data is None else []
        except av.FFmpegError as error:
            raise EngineError(f"edge-tts sent audio that is not MP3 ({error}); try again") from error
        self._pcm = np.concatenate([self._pcm, *(frame.to_ndarray()[0] for frame in frames)])
        if self._lead is None:
            loud = np.flatnonzero(np.abs(self._pcm) > _QUIET)
            if loud.size:
                self._lead = max(0, int(loud[0]) - round(LEAD_S * self._rate))
                self._pcm = self._pcm[self._lead :]
                fade = min(round(FADE_S * self._rate), len(self._pcm))
                self._pcm[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)

    def _piece(self, cut: int, last: int) -> EngineAudio:
        """The next `cut` samples, with the written words before number `last`."""
        pcm, self._pcm = self._pcm[:cut], self._pcm[cut:]
        words = self._words(last, len(pcm))
        self._number = last
        self._given += len(pcm)
        return EngineAudio(pcm, words, self._guessed)

    def _words(self, last: int, length: int) -> tuple[EngineWord, ...]:
        """The written words before number `last`, in the next `length` samples.

        A word without a time from the service is placed between its neighbours.
        """
        numbers = range(self._number, last)
        begins = (self._lead or 0) + self._given
        self._guessed |= any(number not in self._heard for number in numbers)
        known = [n for n in numbers if n in self._heard]
        places = np.interp(
            list(numbers),
            [self._number - 1, *known, last],
            [0, *(min(max(self._heard[n][0] - begins, 0), length) for n in known), length],
        ).astype(int)
        words: list[EngineWord] = []
        for number, start, following in zip(numbers, places, [*places[1:], length], strict=True):
            at = max(int(start), words[-1].end_sample if words else 0)
            told = self._heard[number][1] - begins if number in self._heard else int(following)
            end = max(at + 1, min(told, int(following)))
            words.append(EngineWord(*self._written[number], at, end))
        return tuple(words)


def _faded_out(pcm: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    pcm = pcm.copy()
    fade = min(round(FADE_S * sample_rate_hz), len(pcm))
    pcm[len(pcm) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return pcm
