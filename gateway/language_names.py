"""The English names of languages, for prompts."""

from __future__ import annotations

from functools import lru_cache

import langcodes
from langcodes.tag_parser import LanguageTagError

_UNKNOWN = "Unknown language"


@lru_cache(maxsize=64)
def language_name(tag: str) -> str:
    """The name of a BCP-47 tag's language ("nb-NO": "Norwegian Bokmål"); the tag itself if it names none."""
    try:
        name = langcodes.Language.get(tag).language_name()
    except LanguageTagError:
        return tag
    return tag if name.startswith(_UNKNOWN) else name
