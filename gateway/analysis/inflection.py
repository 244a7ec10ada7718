"""Finds words that are not worth a vocabulary card: function words, exclamations, and inflected forms of other words.

*ladies* and *boiled* are left out, because *lady* and *boil* are the words to learn. This works for English only. A
word that ends in -s, -ed, -ing or -ly counts as an inflected form if its base form is at least a tenth as frequent as
the word. `_is_compared` has the rule for -er and -est.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from common.languages import base
from gateway.analysis.words import Lexicon

_SHORTEST = 4  # letters: most shorter words are function words, abbreviations or known to everyone
_LESS_FREQUENT_BY = 1.0  # on the Zipf scale; a base form that is rarer than that is another word ("morning", "morn")
_PAIRED_FROM_ZIPF = 2.0  # the lowest frequency of a base form, and of the other form of a pair ("happier", "happiest")

_NO_CONTENT = frozenset(
    re.findall(
        r"\w+",
        """
about above across after again against ahead almost alone along already also although always among amongst
another anybody anymore anyone anything anyway anywhere apart around aside away because been before behind being
below beneath beside besides between beyond both could does doing done down during each either else enough even
ever every everybody everyone everything everywhere except from hardly have hence here hers herself himself
however indeed inside instead into itself just least less like likewise many maybe meanwhile might mine more
most much must myself namely near nearly neither never nevertheless next nobody none nonetheless nothing nowhere
often once only onto other others otherwise ought ourselves over perhaps quite rather same shall should since
some somebody somehow someone something sometimes somewhat somewhere soon still such than that their theirs them
themselves then there therefore these they this those though through throughout thus till together toward
towards under unless until unto upon very were what whatever when whenever where whereas wherever whether which
whichever while whoever whole whom whose will with within without would yours yourself yourselves gonna gotta
wanna kinda sorta dunno yeah yeap yep nope okay alright hello hey hooray wow haha hahaha oops ouch phew ugh hmm
huh damn hell bloody crap shit fuck fucking bitch mister mrs miss sir monday tuesday wednesday thursday friday
saturday sunday january february march april june july august september october november december
""",
    )
)
# Irregular forms of words that learners know.
_IRREGULAR = frozenset(
    re.findall(
        r"\w+",
        """
ate bent bitten blew blown bought broke broken brought built burnt came caught chose chosen cost dealt drank
drawn dreamt drew driven drove drunk eaten fallen fell felt flew flown fought found froze frozen gave given gone
grew grown heard held hidden hung kept knew known laid lain leant learnt left lent lost made meant paid ridden
rode risen rose said sang sank sent shone shook shot slept sold sought spelt spent spoke spoken spun stole
stolen stood struck stuck sung sunk sworn swam taken taught thought threw thrown told took torn understood went
woke woken wore worn wound wrote written men women children feet teeth mice geese knives wives wolves leaves
halves shelves thieves better best worse worst further furthest
""",
    )
)


def is_worth_learning(word: str, lexicon: Lexicon) -> bool:
    """Whether the lower-case `word` seems to be a content word in its base form. Only for English; otherwise True."""
    if base(lexicon.language) != "en":
        return True
    if len(word) < _SHORTEST or word in _NO_CONTENT or word in _IRREGULAR:
        return False
    least = lexicon.zipf(word) - _LESS_FREQUENT_BY
    return not (any(lexicon.zipf(base) >= least for base in _bases(word)) or _is_compared(word, lexicon))


def _is_compared(word: str, lexicon: Lexicon) -> bool:
    """Whether `word` is a comparative or superlative. These come in pairs: *happier* has *happiest*, *corner* has no
    *cornest*."""
    for ending, other in (("er", "est"), ("est", "er")):
        if word.endswith(ending) and lexicon.zipf(word.removesuffix(ending) + other) >= _PAIRED_FROM_ZIPF:
            return any(lexicon.zipf(base) >= _PAIRED_FROM_ZIPF for base in _stems(word.removesuffix(ending)))
    return False


def _bases(word: str) -> Iterator[str]:
    """The possible base forms of `word`, whether they are words or not."""
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        yield word[:-1]
        if word.endswith("ies"):
            yield word[:-3] + "y"
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            yield word[:-2]
    for ending in ("ed", "ing"):
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            yield from _stems(word.removesuffix(ending))
    if word.endswith("ied"):
        yield word[:-3] + "y"
    if word.endswith("ily"):
        yield word[:-3] + "y"
    elif word.endswith("ly") and len(word) > 5:
        yield word[:-2]
        yield word[:-2] + "le"


def _stems(stem: str) -> Iterator[str]:
    """The possible base forms for a stem: *cook*-ed, *bak*-ed (bake), *stopp*-ed (stop), *happi*-er (happy)."""
    yield from (stem, stem + "e")
    if len(stem) > 2 and stem[-1] == stem[-2]:
        yield stem[:-1]
    if stem.endswith("i"):
        yield stem[:-1] + "y"
