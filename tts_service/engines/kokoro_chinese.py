"""Chinese text to Kokoro's phonemes: words (jieba), then pinyin, then the IPA of Kokoro's training.

The spelling is that of misaki, a library of Kokoro's maker: initials and finals as below, after the vowel an arrow for
its tone (none for the neutral tone), and a space between words. Each word keeps the tones that it has on its own,
because misaki doesn't change tones between words.
https://github.com/hexgrad/misaki
"""

from __future__ import annotations

import re

import cn2an
import rjieba
from pypinyin import Style, lazy_pinyin
from pypinyin.contrib.tone_convert import to_finals_tone3, to_initials

_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_INITIALS = {
    "b": "p", "c": "ʦʰ", "ch": "ꭧʰ", "d": "t", "f": "f", "g": "k", "h": "x", "j": "ʨ", "k": "kʰ", "l": "l", "m": "m",
    "n": "n", "p": "pʰ", "q": "ʨʰ", "r": "ɻ", "s": "s", "sh": "ʂ", "t": "tʰ", "x": "ɕ", "z": "ʦ", "zh": "ꭧ",
}  # fmt: skip
# In a final, 0 marks the place of the tone.
_FINALS = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0", "e": "ɤ0", "ei": "ei0", "en": "ə0n", "eng": "ə0ŋ",
    "er": "ɚ0", "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0", "ie": "je0", "in": "i0n",
    "ing": "i0ŋ", "iong": "jʊ0ŋ", "iou": "jou0", "o": "wo0", "ong": "ʊ0ŋ", "ou": "ou0", "u": "u0", "ua": "wa0",
    "uai": "wai0", "uan": "wa0n", "uang": "wa0ŋ", "uei": "wei0", "uen": "wə0n", "ueng": "wə0ŋ", "uo": "wo0", "ê": "ɛ0",
    "ü": "y0", "üan": "ɥɛ0n", "üe": "ɥe0", "ün": "y0n",
}  # fmt: skip
_BUZZED = frozenset(("zh", "ch", "sh", "r", "z", "c", "s"))  # "i" after these is not pronounced [i]
_HAN = re.compile(r"([\u3400-\u9fff]+)")


def chinese_pieces(text: str) -> list[tuple[str, bool]]:
    """The pieces of `text` in order: Chinese ones as phonemes (True), all others as text (False).

    Numbers that the normaliser left, such as that of "A4", are read as Chinese words.
    """
    spelled = cn2an.transform(text, "an2cn")
    pieces = ((piece, index % 2 == 1) for index, piece in enumerate(_HAN.split(spelled)) if piece)
    return [(_phonemes(piece), True) if is_chinese else (piece, False) for piece, is_chinese in pieces]


def _phonemes(text: str) -> str:
    """Words of Chinese characters as phonemes, with a space between words."""
    return " ".join("".join(map(_syllable, _pinyin(word))) for word in rjieba.cut(text))


def _pinyin(word: str) -> list[str]:
    return [*lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")]


def _syllable(pinyin: str) -> str:
    """`ni3` → "ni↓". Empty for a syllable that the tables don't have, such as `hm1`."""
    initial = to_initials(pinyin, strict=True)
    final = to_finals_tone3(pinyin, strict=True, v_to_u=True, neutral_tone_with_five=True)
    vowels, tone = final[:-1], final[-1:]
    if vowels not in _FINALS or tone not in _TONES:
        return ""
    ipa = "ɨ0" if vowels == "i" and initial in _BUZZED else _FINALS[vowels]
    return _INITIALS.get(initial, "") + ipa.replace("0", _TONES[tone])
