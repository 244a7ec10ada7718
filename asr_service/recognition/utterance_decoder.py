"""The decodes of one utterance: partials while the voice goes on, and the whole turn once it pauses.

Two tasks use one UtteranceDecoder. The listening task knows where the voice is, so it begins and cancels the decode of
the turn, and requests and cancels partials. The answering task makes the requested partials, waits for all decodes, and
sends the text. All positions are samples of the stream at 16 kHz.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import geometric_mean

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.engine import Quality, Transcript, Word
from asr_service.recognition.decoder import Decoder
from asr_service.recognition.local_agreement import LocalAgreement, PartialText
from asr_service.recognition.utterance import Utterance
from common.tracing import stage, under

# The work for a second of speech must not grow with the turn:
_PARTIAL_WINDOW = 6 * ENGINE_RATE_HZ  # if a partial would be longer, it begins after the agreed words
_PARTIAL_LIMIT = 12 * ENGINE_RATE_HZ  # no partial is longer than this
_WHOLE = 15 * ENGINE_RATE_HZ  # if a turn is longer, only the audio after the agreed words is decoded
_OVERLAP = ENGINE_RATE_HZ // 4  # that decode begins this much earlier, so that no word is cut in two

# Up to _GUESSED_WORDS words whose mean confidence is below _GUESS may be a noise.
_GUESS = 0.5
_GUESSED_WORDS = 3


class UtteranceDecoder:
    """Decodes `utterance`, in tasks of the group `tasks`.

    language: BCP-47 tag, empty for the model's own choice. partial_interval: samples between two partials, 0 for no
    partials. position: where the turn was noticed.
    """

    def __init__(
        self,
        utterance: Utterance,
        decoder: Decoder,
        tasks: asyncio.TaskGroup,
        *,
        language: str,
        partial_interval: int,
        position: int,
    ) -> None:
        self.utterance = utterance
        self._decoder = decoder
        self._tasks = tasks
        self._language = language
        self._agreement = LocalAgreement()
        self._turn: asyncio.Task[Transcript] | None = None  # begun at the present pause
        self._partial: asyncio.Task[Transcript] | None = None  # the running partial
        self._partial_interval = partial_interval
        self._partial_from = utterance.begin
        self._last_partial = position
        self._is_partial_requested = False

    # --- the whole turn -------------------------------------------------------------------------

    def begin_turn(self, end: int) -> asyncio.Task[Transcript]:
        """Begin to decode the turn up to `end`, where the voice has paused."""
        self._turn = self._tasks.create_task(self.decode_turn(end))
        return self._turn

    def cancel_turn(self) -> None:
        """Cancel the decode of the turn: the voice goes on, and there was no eager end for which it is needed."""
        if self._turn is not None:
            self._turn.cancel()
        self._turn = None

    def leave_turn(self) -> None:
        """Forget the decode of the turn: the voice goes on after an eager end. Waiting tasks still get the result."""
        self._turn = None

    async def decode_turn(self, end: int) -> Transcript:
        """The transcript up to `end`, with word times in samples since `utterance.begin`.

        In a long turn, the agreed words are not decoded again.
        """
        begin, agreed = self.utterance.begin, self._agreement
        if end - begin <= _WHOLE or not agreed.agreed:
            return await self._decode(begin, end, "final")
        tail_begin = max(begin, agreed.agreed_end - _OVERLAP)
        tail = await self._decode(tail_begin, end, "final")
        words = agreed.completed_by(_moved(tail.words, tail_begin))
        text = "".join(word.text for word in words).strip()
        return Transcript(text, _moved(words, -begin), tail.language, tail.expectation)

    # --- partials -------------------------------------------------------------------------------

    def is_partial_due(self, position: int) -> bool:
        """Whether the last partial is old enough, no other one is pending, and the model has time for one."""
        if not self._partial_interval or position - self._last_partial < self._partial_interval:
            return False
        return not self._is_partial_requested and self._decoder.takes_partials

    def request_partial(self, position: int) -> None:
        """Announce a partial up to `position`. `make_partial` will make it; until then no other one is due."""
        self._last_partial = position
        self._is_partial_requested = True

    async def make_partial(self, position: int) -> PartialText | None:
        """The partial up to `position`; None if the model is needed for more important work, or no words were heard."""
        text = await self._make_partial(position)
        self._is_partial_requested = False
        return text if text and (text.stable or text.unstable) else None

    def partial_at_pause(self, transcript: Transcript) -> PartialText | None:
        """The partial for a pause of the turn. transcript: the turn up to the pause.

        None if the stream has no partials, or if the few words are only a guess: a cough becomes "you".
        """
        words = transcript.words
        if not (self._partial_interval and words) or (len(words) <= _GUESSED_WORDS and _confidence(words) < _GUESS):
            return None
        return self._agreement.add(_moved(words, self.utterance.begin))

    def cancel_partial(self) -> None:
        """Drop the partial: the turn is over, or probably over, and reporting that must not wait."""
        if self._partial is not None:
            self._partial.cancel()
        self._partial = None

    async def _make_partial(self, position: int) -> PartialText | None:
        if self._turn or not self._decoder.takes_partials:  # the decode of the turn goes first
            return None
        if position - self._partial_from > _PARTIAL_WINDOW:
            self._partial_from = max(self._partial_from, self._agreement.agreed_end)
        begin = self._partial_from = max(self._partial_from, position - _PARTIAL_LIMIT)
        decode = self._partial = self._tasks.create_task(self._decode(begin, position, "partial"))
        await asyncio.wait({decode})
        if decode.cancelled():  # by cancel_partial, or because the model was needed for the end of another turn
            return None
        return self._agreement.add(_moved(decode.result().words, begin))

    async def _decode(self, begin: int, end: int, quality: Quality) -> Transcript:
        audio = self.utterance.cut(begin, end)
        about = {"quality": quality, "audio_s": len(audio) / ENGINE_RATE_HZ}
        with stage("asr.decode", under(self.utterance.span), **about):
            return await self._decoder.decode(audio, language=self._language, quality=quality)


def _confidence(words: Sequence[Word]) -> float:
    """The mean confidence of these words."""
    return geometric_mean([max(word.confidence, 0.001) for word in words])


def _moved(words: Sequence[Word], by: int) -> tuple[Word, ...]:
    return tuple(Word(word.text, word.start + by, word.end + by, word.confidence) for word in words)
