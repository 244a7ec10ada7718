"""The phoneme recogniser of the package `hama`: finds the phonemes of sound and of spelled words.

One small network hears phonemes in sound (CTC), another pronounces spelled words in the same phonemes. Both run on the
CPU, in native code that releases Python's lock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

from hama import ASRModel, G2PModel
from hama.vocab import Vocabulary

from asr_service.audio import Audio
from asr_service.verbatim.ctc import Floats
from asr_service.verbatim.numbers import spelled_out
from asr_service.verbatim.spelling import inflected

FRAME = 320
"""The length of one frame of `hear`, in samples at 16 kHz."""
_REMEMBERED_WORDS = 20_000


class IndexedVocabulary(Vocabulary):  # type: ignore[misc]  # hama has no types
    """hama's vocabulary, with tokens that are numbered only once. hama itself numbers its 20,000 letters and syllables
    anew for each letter of a word."""

    encoder_token_to_id = cached_property(Vocabulary.encoder_token_to_id.fget)
    decoder_token_to_id = cached_property(Vocabulary.decoder_token_to_id.fget)


class Phonemes:
    """Loads both networks, 9 MB. Raises OSError or RuntimeError where the package has no library for this machine."""

    def __init__(self) -> None:
        self._hearing = ASRModel()
        self._spelling = G2PModel()
        self._spelling.vocab = IndexedVocabulary(**vars(self._spelling.vocab))
        self._spelling.tokenizer.vocab = self._spelling.vocab
        symbols = self._hearing.decoder_tokens
        self.numbers = {symbol: number for number, symbol in enumerate(symbols)}  # phoneme → its number in `hear`
        self._between_words = self.numbers["<wb>"]
        self.blank = self.numbers["<blank>"]
        self._known: dict[str, tuple[str, ...]] = {}  # the phonemes of words that came before
        self._word = lru_cache(_REMEMBERED_WORDS)(self._spell)

    def hear(self, audio: Audio) -> Floats:
        """The log-probability of each phoneme in each frame of `audio`: (frames, phonemes)."""
        session = self._hearing.session
        found, length = session.run(["log_probs", "out_lengths"], {"waveform": audio, "waveform_lengths": None})
        heard: Floats = found[0][: int(length[0])]
        return heard

    def of_words(self, words: Sequence[str]) -> list[int] | None:
        """The phonemes of plain words, with the separator between two words; None if a word can't be pronounced."""
        found: list[int] = []
        for word in words:
            phonemes = self._word(word)
            if phonemes is None:
                return None
            found += [self._between_words, *phonemes] if found else phonemes
        return found

    def _spell(self, word: str) -> tuple[int, ...] | None:
        """The phonemes of one word, which may be a number or have parts ("twenty-five")."""
        spelled = spelled_out(word)
        if spelled is None:
            return None
        found: list[int] = []
        for part in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", spelled):
            numbers = [self.numbers[phoneme] for phoneme in self._sound_of(part) if phoneme in self.numbers]
            found += [self._between_words, *numbers] if found else numbers
        return tuple(found) or None

    def _sound_of(self, word: str) -> tuple[str, ...]:
        sound = inflected(word, self._known) or tuple(one.phoneme for one in self._spelling.predict(word).alignments)
        if len(self._known) >= _REMEMBERED_WORDS:
            self._known.clear()
        self._known[word] = sound
        return sound
