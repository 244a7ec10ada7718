"""British spellings and their American twins, which are more frequent in most lists of words.

Without these twins, "colour" and "organise" would count as rarer words than they are, and as worth learning for someone
who has known them since the first lesson.
"""

from __future__ import annotations

import re

_OUR = "arm behavi clam col endeav fav flav glam harb hon hum lab neighb od parl rum sav splend tum vap vig"
_RULES = tuple(
    (re.compile(pattern), american)
    for pattern, american in (
        (rf"^({'|'.join(_OUR.split())})our", r"\1or"),
        (r"is(e|es|ed|er|ers|ing|ation|ations)$", r"iz\1"),
        (r"ys(e|es|ed|er|ers|ing)$", r"yz\1"),
        (r"^(cen|thea|me|li|kilome|centime|millime|fib|lus)tre(s?)$", r"\1ter\2"),
        (r"^(\w*[aeiou]\w*[aeiou])ll(ed|er|ers|ing)$", r"\1l\2"),
        (r"^(def|off|lic|pret)ence(s?)$", r"\1ense\2"),
    )
)
_TWINS_TEXT = """
    grey gray mum mom mums moms tyre tire tyres tires cosy cozy jewellery jewelry pyjamas pajamas aeroplane airplane
    aeroplanes airplanes programme program programmes programs plough plow moustache mustache sceptical skeptical
    ageing aging catalogue catalog
"""
_PAIRS = _TWINS_TEXT.split()
_TWINS = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))


def american(word: str) -> str | None:
    """The American spelling of an English word in British spelling; None if no rule applies.

    Some results are no words, for example "raize" for "raise". They do no harm, because they are rarer than the word
    itself, and the higher frequency counts.
    """
    if word in _TWINS:
        return _TWINS[word]
    spellings = (pattern.sub(replacement, word) for pattern, replacement in _RULES)
    return next((spelling for spelling in spellings if spelling != word), None)
