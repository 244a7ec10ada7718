"""Japanese text to Kokoro's phonemes: words and their pronunciation (lindera with IPADIC), then the IPA of Kokoro's
training.

The dictionary writes the pronunciation in katakana: the particle は is ワ, and おう is オー. The spelling is that of
misaki, a library of Kokoro's maker: a consonant and a vowel for each mora, and a space between words. It has no marks
for the pitch accent.
https://github.com/hexgrad/misaki
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

from lindera import Token, Tokenizer, load_dictionary

from tts_service.text.normalise.japanese import katakana_of, long_vowels

# The consonants of each row of kana.
_ROWS = {
    "カキクケコ": "k kʲ k k k", "ガギグゲゴ": "ɡ ɡʲ ɡ ɡ ɡ", "サシスセソ": "s ɕ s s s", "ザジズゼゾ": "ʣ ʥ z ʣ ʣ",
    "タチツテト": "t ʨ ʦ t t", "ダヂヅデド": "d ʥ z d d", "ナニヌネノ": "n ɲ n n n", "ハヒフヘホ": "h ç ɸ h h",
    "バビブベボ": "b bʲ b b b", "パピプペポ": "p pʲ p p p", "マミムメモ": "m mʲ m m m", "ラリルレロ": "ɾ ɾʲ ɾ ɾ ɾ",
}  # fmt: skip
_CONSONANTS = {kana: one for row, ones in _ROWS.items() for kana, one in zip(row, ones.split(), strict=True)}
_VOWELS = {kana: vowel for row in ("アイウエオ", *_ROWS) for kana, vowel in zip(row, "aiɯeo", strict=True)}
_VOWELS |= dict.fromkeys("スズツヅ", "ɨ")
_MORAE = {kana: _CONSONANTS.get(kana, "") + vowel for kana, vowel in _VOWELS.items()} | {
    "ヤ": "ja", "ユ": "jɯ", "ヨ": "jo", "ワ": "βa", "ヰ": "i", "ヱ": "e", "ヲ": "o", "ヴ": "vɯ", "ヵ": "ka", "ヶ": "ke",
    "ァ": "a", "ィ": "i", "ゥ": "ɯ", "ェ": "e", "ォ": "o", "ャ": "ja", "ュ": "jɯ", "ョ": "jo", "ヮ": "βa",
    "ン": "ɴ", "ー": "ː", "ッ": "ʔ",
}  # fmt: skip
# A small kana replaces the vowel of the kana before it, and sometimes its consonant: ティ, キャ, ウェ.
_SMALL = {"ァ": "a", "ィ": "i", "ゥ": "ɯ", "ェ": "e", "ォ": "o", "ャ": "a", "ュ": "ɨ", "ョ": "o"}
_BEFORE_SMALL = {"イ": "j", "ウ": "β", "ク": "kᵝ", "グ": "ɡᵝ", "ヴ": "v"}
_MORA = re.compile(rf"[ァ-ヺー][{''.join(_SMALL)}]?")
_IS_PALATAL = tuple("ʲɕçɲʥʨ")
# ン sounds like the beginning of the next mora.
_NASALS = dict.fromkeys("mpb", "m") | dict.fromkeys("kɡ", "ŋ") | dict.fromkeys("ɲʨʥ", "ɲ") | dict.fromkeys("ntdɾz", "n")

_JAPANESE = re.compile(r"([ぁ-ゖァ-ヺー々〆〇\u3400-\u9fff\uf900-\ufaff]+)")
_PRONUNCIATION = 8  # its place in an entry of the dictionary
# Where the dictionary has a formal pronunciation.
_USUAL = {"日本": "ニホン"}
_LONG = re.compile("(?<=[エケゲセゼテデネヘベペメレェ])イ|(?<=イ)イ")


def japanese_pieces(text: str) -> list[tuple[str, bool]]:
    """The pieces of `text` in order: Japanese ones as phonemes (True), all others as text (False)."""
    spelled = re.sub(r"\d+", lambda digits: katakana_of(int(digits[0])), unicodedata.normalize("NFKC", text))
    pieces = enumerate(_JAPANESE.split(spelled))
    return [(_phonemes(piece), True) if index % 2 else (piece, False) for index, piece in pieces if piece]


def pronounced(text: str) -> list[str]:
    """The words of a Japanese text in katakana, as they are spoken: 今日は → キョー, ワ. The ending of a verb belongs
    to its word: 行きました → イキマシタ."""
    words: list[str] = []
    may_continue = False
    for token in _dictionary().tokenize(text):
        kind, detail, spoken = token.details[0], token.details[1], _spoken(token)
        is_ending = kind == "助動詞" or detail == "接続助詞"
        if may_continue and is_ending:
            words[-1] += spoken
        else:
            words.append(spoken)
        may_continue = kind in ("動詞", "形容詞") or (may_continue and is_ending)
    return words


def _spoken(token: Token) -> str:
    if token.surface in _USUAL:
        return _USUAL[token.surface]
    spoken = token.details[_PRONUNCIATION:][:1]
    if not spoken or spoken == ["*"]:
        return long_vowels(token.surface)
    if token.details[0] == "助動詞" and token.surface == "う":  # 行こう: the dictionary has イコ and ウ
        return "ー"
    return _LONG.sub("ー", spoken[0])


@cache
def _dictionary() -> Tokenizer:
    return Tokenizer(load_dictionary("embedded://ipadic"), mode="normal")


def _phonemes(text: str) -> str:
    return re.sub("(?<=ʔ) | (?=ː)", "", " ".join(map(_word, pronounced(text))))


def _word(katakana: str) -> str:
    """ニホン → "ɲihoɴ"."""
    sounds = [_mora(match[0]) for match in _MORA.finditer(katakana)]
    return "".join(_NASALS.get(after[:1], "ɴ") if one == "ɴ" else one for one, after in pairwise([*sounds, ""]))


def _mora(kana: str) -> str:
    first, small = kana[0], kana[1:]
    if not small:
        return _MORAE.get(first, "")
    if first not in _BEFORE_SMALL and first not in _CONSONANTS:
        return _MORAE.get(first, "") + _SMALL[small]
    if _MORAE[first][-1:] == _SMALL[small]:  # ねぇ
        return f"{_MORAE[first]}ː"
    consonant = _BEFORE_SMALL.get(first) or _CONSONANTS[first]
    is_soft = small in "ャュョ" or (small == "ィ" and first not in _BEFORE_SMALL)
    return consonant + ("ʲ" if is_soft and not consonant.endswith(_IS_PALATAL) else "") + _SMALL[small]
