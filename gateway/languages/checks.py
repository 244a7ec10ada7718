"""Whether a conversation is possible in a language, or with a pair of languages. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.errors import InvalidInputError
from common.languages import base
from gateway.languages.names import is_language, language_name
from gateway.ports import KnownLanguages

_EXAMPLES = "send one such as 'en' or 'es-MX'"


def check_language(tag: str, known: KnownLanguages, *, field: str = "language") -> None:
    """Raise InvalidInputError if `tag` is not a language tag, or has no voice or no recognition here.

    The message names the languages that have both. field: the client's name for the value.
    """
    if not is_language(tag):
        raise InvalidInputError(f"`{field}` is {tag!r}, which is not a language tag; {_choice(known)}")
    for means, tags in (("voice", known.spoken), ("speech recognition", known.heard)):
        if tags and base(tag) not in map(base, tags):
            raise InvalidInputError(f"there is no {means} for {language_name(tag)} ({tag!r}) here; {_choice(known)}")


def check_heard(tag: str, known: KnownLanguages) -> None:
    """Raise InvalidInputError if speech recognition does not know `tag`. The message names the languages that it
    knows."""
    if not is_language(tag):
        there_are = f"speech recognition here knows {_listed(known.heard)}" if known.heard else _EXAMPLES
        raise InvalidInputError(f"`language` is {tag!r}, which is not a language tag; {there_are}")
    if known.heard and base(tag) not in map(base, known.heard):
        raise InvalidInputError(f"`language` is {tag!r}; speech recognition here knows {_listed(known.heard)}")


def check_pair(practised: str, native: str) -> None:
    """Raise InvalidInputError if `native` can't be the own language of a learner who practises `practised`."""
    if not is_language(native):
        raise InvalidInputError(
            f"`native_language` is {native!r}, which is not a language tag; send one such as 'fr' or 'pt-BR', "
            "or leave it out"
        )
    if base(native) == base(practised):
        raise InvalidInputError(
            f"`native_language` is {native!r}, which is the language that is practised ({practised!r}); "
            "send the learner's own language, or leave it out"
        )


def practicable(known: KnownLanguages) -> list[str]:
    """The tags of the voices whose language recognition also knows, in the voices' order; all of them, if recognition
    doesn't report its languages."""
    heard = set(map(base, known.heard))
    return [tag for tag in dict.fromkeys(known.spoken) if not heard or base(tag) in heard]


def _choice(known: KnownLanguages) -> str:
    there_are = _listed(practicable(known) or ([] if known.spoken else known.heard))
    if there_are:
        return f"the languages here are {there_are}"
    if known.spoken:
        return f"the voices speak {_listed(known.spoken)}, and recognition knows {_listed(known.heard)}"
    return _EXAMPLES


def _listed(tags: Iterable[str]) -> str:
    return ", ".join(sorted(set(tags)))
