"""Patterns for the letters of all languages.

Hindi is written in Devanagari. For Python, its vowel signs are not letters: `\\w` does not match them.
"""

from __future__ import annotations

VOWEL_SIGNS = r"\u0900-\u0903\u093a-\u094f"
"""For use within [] of a pattern."""
LETTER = rf"(?:[^\W\d_]|[{VOWEL_SIGNS}])"
LETTERS_AND_DIGITS = rf"[^\W_](?:[^\W_]|[{VOWEL_SIGNS}])*"
"""One or more letters and digits in a row: a word, or its part before or after an apostrophe."""
