"""The English names of languages, for prompts.

The package langcodes knows all names. But for the first name it loads 15 MB, which takes 0.1 s or more while a learner
may be speaking. So `common.languages` lists the usual names.
"""

from __future__ import annotations

import re
from functools import lru_cache

import langcodes
from langcodes.tag_parser import LanguageTagError

from common.languages import NAMES, base

_LANGUAGE_AND_REGION = re.compile(r"([a-z]{2})(?:-(?:[a-z]{2}|[0-9]{3}))?")
_UNKNOWN = "Unknown language"


def standard_tag(tag: str) -> str:
    """The tag in the form that all services know ("spa": "es", "es_ES": "es-ES"); the tag itself if it is not a
    language tag."""
    if _LANGUAGE_AND_REGION.fullmatch(tag.lower()):
        return tag
    try:
        return langcodes.standardize_tag(tag)
    except LanguageTagError:
        return tag


def is_language(tag: str) -> bool:
    """Whether a BCP-47 tag names an existing language."""
    return language_name(tag) != tag


@lru_cache(maxsize=64)
def language_name(tag: str) -> str:
    """The name of a BCP-47 tag's language ("nb-NO": "Norwegian Bokmål"); the tag itself if it names none."""
    plain = _LANGUAGE_AND_REGION.fullmatch(tag.lower())
    if plain and (usual := NAMES.get(base(plain[1]))):
        return usual
    try:
        name = langcodes.Language.get(tag).language_name()
    except LanguageTagError:
        return tag
    return tag if name.startswith(_UNKNOWN) else name
