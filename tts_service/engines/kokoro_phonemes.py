"""Text to Kokoro's phonemes: espeak-ng's, respelled as in Kokoro's training.

Kokoro was trained on the phonemes of misaki, its maker's library. misaki takes them from espeak-ng for Spanish, French,
Hindi, Italian and Portuguese, and writes some pairs as one symbol. For English it has a dictionary; we replace espeak's
symbols by those of the dictionary. Chinese and Japanese have modules of their own (`kokoro_chinese`,
`kokoro_japanese`). https://github.com/hexgrad/misaki
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator

from piper.phonemize_espeak import EspeakPhonemizer

CHINESE, JAPANESE = "zh", "ja"  # used in place of espeak's names of languages
LONGEST = 510  # phonemes that the model reads at once

# Symbol → its number in the model. From the config.json of hexgrad/Kokoro-82M.
# fmt: off
IDS = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "ꭧ": 23, "A": 24, "I": 25, "O": 31, "Q": 33,
    "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48, "h": 50,
    "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61, "t": 62,
    "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76,
    "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99,
    "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118,
    "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133,
    "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157,
    "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}
# fmt: on

_PAIRS = {"aɪ": "I", "aʊ": "W", "dʒ": "ʤ", "eɪ": "A", "tʃ": "ʧ", "ɔɪ": "Y"}
_ENGLISH = _PAIRS | {"əl": "ᵊl", "ɚ": "əɹ", "r": "ɹ", "x": "k", "ç": "k", "ɐ": "ə", "ɬ": "l", "ʲ": "", "\u0303": ""}
_RESPELLED = {
    "en-us": _ENGLISH | {"oʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": ""},
    "en": _ENGLISH | {"eə": "ɛː", "iə": "ɪə", "əʊ": "Q"},
}
_OTHERS = _PAIRS | {"dz": "ʣ", "oʊ": "O", "əʊ": "Q", "ts": "ʦ"}
_MARKS = str.maketrans(
    {
        "，": ", ",
        "、": ", ",
        "。": ". ",
        "！": "! ",
        "？": "? ",
        "：": ": ",
        "；": "; ",
        "（": " (",
        "）": ") ",
        "・": " ",
    }
    | dict.fromkeys("《「『【", " “")
    | dict.fromkeys("》」』】", "” ")
)
_COMPOSED = {unicodedata.normalize("NFD", symbol): symbol for symbol in IDS if unicodedata.decomposition(symbol)}


class KokoroPhonemizer:
    """Phonemes by espeak-ng, Chinese ones by `kokoro_chinese`, and Japanese ones by `kokoro_japanese`.

    Several threads may use it, one at a time, because espeak's voice is a global variable.
    """

    def __init__(self) -> None:
        self._espeak = EspeakPhonemizer()
        self._lock = threading.Lock()

    def __call__(self, text: str, voice: str) -> list[list[str]]:
        """The phonemes of each sentence of `text`, at most LONGEST in each. voice: espeak's name of a language,
        CHINESE or JAPANESE."""
        sentences = self._by_espeak(text, voice) if voice not in (CHINESE, JAPANESE) else self._mixed(text, voice)
        return [part for sentence in sentences for part in _cut(sentence)]

    def _by_espeak(self, text: str, voice: str) -> list[str]:
        with self._lock:
            sentences = self._espeak.phonemize(voice, text)
        return [respell("".join(sentence), voice) for sentence in sentences]

    def _mixed(self, text: str, voice: str) -> list[str]:
        """The phonemes of each sentence of a Chinese or Japanese text. Words in Latin letters are read as English."""
        spelled = ""
        for piece, is_native in _pieces(text, voice):
            is_foreign = not is_native and any(map(str.isalpha, piece))
            marked = piece if is_native else piece.translate(_MARKS)
            spelled += f" {' '.join(self._by_espeak(marked, 'en-us'))} " if is_foreign else marked
        spelled = re.sub(r"\s+([.,!?:;])", r"\1", re.sub(r"\s+", " ", spelled)).strip()
        return ["".join(filter(IDS.__contains__, sentence)) for sentence in re.split(r"(?<=[.!?…])\s+", spelled)]


def _pieces(text: str, voice: str) -> list[tuple[str, bool]]:
    """The pieces of `text` in order: those in the voice's language as phonemes (True), all others as text (False)."""
    if voice == CHINESE:  # imported here, because their dictionaries take memory
        from tts_service.engines.kokoro_chinese import chinese_pieces

        return chinese_pieces(text)
    from tts_service.engines.kokoro_japanese import japanese_pieces

    return japanese_pieces(text)


def respell(phonemes: str, voice: str) -> str:
    """espeak's phonemes in Kokoro's spelling, without symbols that the model doesn't know."""
    for apart, symbol in _COMPOSED.items():
        phonemes = phonemes.replace(apart, symbol)
    table = _RESPELLED.get(voice, _OTHERS)
    longest_first = "|".join(map(re.escape, sorted(table, key=len, reverse=True)))
    phonemes = re.sub(longest_first, lambda match: table[match[0]], phonemes)
    return "".join(symbol for symbol in phonemes if symbol in IDS).strip()


def _cut(sentence: str) -> Iterator[list[str]]:
    """`sentence` in parts of at most LONGEST symbols, cut at spaces if there are any. No parts if it has no sound."""
    while len(sentence) > LONGEST:
        space = sentence.rfind(" ", 0, LONGEST)
        end = space if space > 0 else LONGEST
        yield list(sentence[:end])
        sentence = sentence[end:].lstrip()
    if any(symbol.isalpha() for symbol in sentence):
        yield list(sentence)
