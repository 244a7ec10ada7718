"""Letters and marks of all languages, for patterns.

Hindi is written in Devanagari. For Python, its vowel signs are not letters: `\\w` does not match them.
"""

from __future__ import annotations

VOWEL_SIGNS = r"\u0900-\u0903\u093a-\u094f"
"""For use within [] of a pattern."""
LETTER = rf"(?:[^\W\d_]|[{VOWEL_SIGNS}])"
LETTERS_AND_DIGITS = rf"[^\W_](?:[^\W_]|[{VOWEL_SIGNS}])*"
"""One or more letters and digits in a row: a word, or its part before or after an apostrophe."""
UNSPACED = r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""The scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, kana and Chinese characters. For use
within [] of a pattern."""
SYLLABLES = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Kana, Chinese characters and Hangul, each of which is about a syllable. For use within []."""
SPACED_ENDS = ".!?…।؟۔"
"""The marks that end a sentence if a space follows. For use within [] of a pattern."""
UNSPACED_ENDS = "。！？"
"""The marks that end a sentence in Chinese and Japanese, where no space follows. For use within []."""
SENTENCE_ENDS = SPACED_ENDS + UNSPACED_ENDS
