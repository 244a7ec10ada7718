"""Recognises a recording piece by piece, with bounded memory: decode → cut → recognise.

    file ──a thread── decode, cut ──piece──▶ recognise ──▶ RecognisedPiece ──its words──▶ context of the next piece

Each piece is recognised with the words of the piece before it. Learners' turns go before recordings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

import anyio

from common.errors import BusyError
from gateway.openai_api.cutter import RATE_HZ, Cutter, Piece
from gateway.openai_api.recording import decode
from gateway.ports import Recordings, Slip, Transcript

T = TypeVar("T")

BUSY_TRIES = 30  # about a second apart


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word, its time in seconds, and how sure recognition is of it: 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class RecognisedPiece:
    """The words of one piece. Times are in seconds of the recording."""

    text: str
    words: tuple[TimedWord, ...]
    start_s: float
    end_s: float
    language: str
    slips: tuple[Slip, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with a recording. language: the expected language, a BCP-47 tag; empty: detected. translate: translate
    into English. prompt: the text before the recording, or names that occur in it. expected: the sentence that the
    speaker was to say, if the recording is a single piece."""

    language: str = ""
    translate: bool = False
    prompt: str = ""
    expected: str = ""


class FileTranscription:
    """The transcription of one file. `duration_s` is final once the whole file has been read."""

    def __init__(self, file: BinaryIO, recordings: Recordings, task: Task, *, max_s: float) -> None:
        self._file = file
        self._recordings = recordings
        self._task = task
        self._max_s = max_s
        self._cutter = Cutter()

    @property
    def duration_s(self) -> float:
        """The length of the recording decoded so far."""
        return self._cutter.samples / RATE_HZ

    async def heard(self) -> AsyncGenerator[RecognisedPiece, None]:
        """The words, piece by piece. Raises ServiceErrors, among them ParameterError if the file is not a recording."""
        context = self._task.prompt
        async with aclosing(self._pieces_beside()) as pieces:
            async for piece in pieces:
                heard = await self._recognise(piece, context)
                context = heard.text
                yield heard

    async def _pieces_beside(self) -> AsyncGenerator[Piece, None]:
        """The pieces. Each is made in a thread when it is requested."""
        with closing(self._pieces()) as pieces:
            while (piece := await _in_thread(lambda: next(pieces, None))) is not None:
                yield piece

    def _pieces(self) -> Generator[Piece, None, None]:
        self._file.seek(0)
        for pcm in decode(self._file, self._max_s):
            yield from self._cutter.push(pcm)
        yield from self._cutter.finish()

    async def _recognise(self, piece: Piece, context: str) -> RecognisedPiece:
        tries = 0
        while True:
            try:
                transcript = await self._recordings.recognize(
                    piece.pcm,
                    sample_rate_hz=RATE_HZ,
                    language=self._task.language,
                    translate=self._task.translate,
                    context=context,
                    expected=self._task.expected if piece.start == 0 else "",
                )
            except BusyError as error:  # learners use all the slots; a recording can wait
                tries += 1
                if tries == BUSY_TRIES:
                    raise
                await asyncio.sleep(error.retry_after_s)
            else:
                return _heard(transcript, piece)


def _heard(transcript: Transcript, piece: Piece) -> RecognisedPiece:
    def second(sample: int) -> float:
        return round((piece.start + sample) / RATE_HZ, 3)

    words = tuple(
        TimedWord(word.text, second(word.start_sample), second(word.end_sample), round(word.confidence, 3))
        for word in transcript.words
    )
    start, end = second(transcript.start_sample), second(transcript.end_sample)
    return RecognisedPiece(transcript.text, words, start, end, transcript.language, transcript.slips)


async def _in_thread(work: Callable[[], T]) -> T:
    """The result of `work`. A caller that is cancelled still waits for the thread, because the thread may be reading
    the file."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.wait((working,))
