"""Splits text into words and tells how rare a word is, with `wordfreq` (Speer, 2022;
https://github.com/rspeer/wordfreq).

wordfreq is imported on first use: it takes half a second and tens of megabytes. `load_lexicon` blocks, so callers run
it in a thread. Only one thread loads at a time; otherwise each would hold the whole list in memory for a while. If
wordfreq can't split a language into words or has no list for it, the lexicon says why rarity is unknown. It then splits
at spaces, or into characters in scripts without spaces.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import langcodes

from common.languages import UNSPACED as UNSPACED_LANGUAGES
from common.languages import WORDFREQ_LISTS, base
from common.letters import LETTERS_AND_DIGITS, UNSPACED
from gateway.analysis.remarks import Remark
from gateway.analysis.spelling import american

_LOADING = threading.Lock()
_WORD = re.compile(rf"{LETTERS_AND_DIGITS}(?:['’]{LETTERS_AND_DIGITS})*")
_UNSPACED = re.compile(f"[{UNSPACED}]")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Splits text of one language and knows its words. `rarity_unknown_because` is None where `zipf` works."""

    language: str
    unit: Literal["word", "character"]
    rarity_unknown_because: Remark | None
    _tokenize: Callable[[str], list[str]]
    _zipf: Callable[[str], float]

    def words(self, text: str) -> list[str]:
        """The words of `text` in order, in lower case, without punctuation."""
        return [token for token in self._tokenize(text.replace("’", "'")) if any(map(str.isalnum, token))]

    def zipf(self, word: str) -> float:
        """log10 of uses per 10⁹ words (van Heuven et al., 2014): 7 for "the", 4 for "sandwich"; 0: not in the list."""
        return self._zipf(word)


def load_lexicon(language: str) -> Lexicon:
    """The best available lexicon for a BCP-47 tag; accepts any string."""
    with _LOADING:
        return _load_lexicon(language)


def _load_lexicon(language: str) -> Lexicon:
    import wordfreq  # heavy, see above
    import wordfreq.tokens

    tag = _without_region(language)

    def tokenize(text: str) -> list[str]:
        return list(wordfreq.tokens.tokenize(text, tag))

    def zipf(word: str) -> float:
        return float(wordfreq.zipf_frequency(word, tag))

    def english_zipf(word: str) -> float:
        twin = american(word)
        return max(zipf(word), zipf(twin)) if twin else zipf(word)

    try:
        _check_listed(language, wordfreq.available_languages())
        wordfreq.zipf_frequency("a", tag)
    except (ImportError, LookupError, ValueError) as error:
        missing = error.name if isinstance(error, ImportError) else None
        because = (
            Remark("package_missing", language=language, package=missing)
            if missing
            else Remark("no_frequencies", language=language)
        )
    else:
        is_english = base(language) == "en"
        return Lexicon(language, "word", None, tokenize, english_zipf if is_english else zipf)
    unspaced = base(language) in UNSPACED_LANGUAGES
    return Lexicon(
        language,
        "character" if unspaced else "word",
        because,
        split_characters if unspaced else split_at_spaces,
        lambda _: 0.0,
    )


def _without_region(language: str) -> str:
    """`en` for `en-US`. No list depends on the region, but for each tag that it gets, wordfreq keeps a list of its own
    in memory (English: 70 MB)."""
    try:
        parsed = langcodes.Language.get(language)
    except ValueError:
        return language
    return langcodes.Language.make(language=parsed.language, script=parsed.script).to_tag()


def _check_listed(language: str, lists: Iterable[str]) -> None:
    """Raises LookupError unless wordfreq has a list of exactly this language. Otherwise wordfreq would use a related
    language's list."""
    plain = langcodes.Language.get(language).prefer_macrolanguage().language or ""  # LanguageTagError is a ValueError
    listed = base(plain)
    if WORDFREQ_LISTS.get(listed, listed) not in lists:
        raise LookupError(language)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of `text` begin and end, in characters; an apostrophe inside a word is part of it."""
    return [match.span() for match in _WORD.finditer(text)]


def has_only_letters(word: str) -> bool:
    """Whether `word` consists of letters and combining marks."""
    return word != "" and all(unicodedata.category(char)[0] in "LM" for char in word)


def plain_word(word: str) -> str:
    """`word` in lower case, with the plain apostrophe."""
    return word.casefold().replace("’", "'")


def split_at_spaces(text: str) -> list[str]:
    """Runs of letters and digits, an apostrophe inside a word being part of it."""
    return [match.group() for match in _WORD.finditer(text.casefold())]


def split_characters(text: str) -> list[str]:
    """As split_at_spaces, but in a script without spaces each letter is a word."""
    return split_at_spaces(_UNSPACED.sub(r" \g<0> ", text))
