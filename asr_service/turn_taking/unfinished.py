"""Words that seldom end a sentence, by language. English has rules of its own (`end_of_turn`).

A word is listed only if people hardly ever stop after it: "y", "parce que", "perché", "und". Words that also end many
sentences are left out: German "an" and "ein" (parts of verbs), Spanish "más", Hindi "में" ("in", which follows its noun).
Japanese and Chinese have no spaces, so their lists contain endings of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from common.languages import base
from common.letters import SENTENCE_ENDS, VOWEL_SIGNS

_WORD = re.compile(rf"[-\w'{VOWEL_SIGNS}]+")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The lists of one language.

    words: words that call for another one, unless the text is a question. fillers: hesitation sounds, which always call
    for another word. closing: texts that end a sentence although their last word is listed. has_spaces: False if the
    language has no spaces; then `words` and `fillers` are endings of the text.
    """

    words: frozenset[str]
    fillers: frozenset[str]
    closing: tuple[str, ...] = ()
    has_spaces: bool = True

    def wants_more(self, text: str) -> bool:
        """Whether `text` ends in a word that calls for another. Punctuation at its end is ignored, except for a
        question mark."""
        is_question = text.rstrip().endswith(("?", "？"))
        plain = text.lower().replace("’", "'").rstrip(f" ,、，{SENTENCE_ENDS}")
        if not plain or plain.endswith(self.closing):
            return False
        if self.has_spaces:
            last = (_WORD.findall(plain) or [""])[-1]
            return last in self.fillers or (not is_question and last in self.words)
        return plain.endswith(tuple(self.fillers)) or (not is_question and plain.endswith(tuple(self.words)))


def _spaced(words: str, fillers: str, closing: tuple[str, ...] = ()) -> Unfinished:
    return Unfinished(frozenset(words.split()), frozenset(fillers.split()), closing)


def _unspaced(words: str, fillers: str) -> Unfinished:
    return Unfinished(frozenset(words.split()), frozenset(fillers.split()), has_spaces=False)


UNFINISHED: Mapping[str, Unfinished] = {
    "de": _spaced(
        "und oder aber denn weil dass wenn ob obwohl bevor nachdem sondern wobei eine einen einem den dem des mein dein"
        " in im am beim vom von zum zur ins für durch ohne gegen zwischen wegen sehr ziemlich",
        "äh ähm öh öhm hm hmm mh",
        ("danke sehr", "bitte sehr"),
    ),
    "es": _spaced(
        "y e o u pero porque que aunque cuando mientras si como de del a al en con por para sin sobre entre desde"
        " hasta hacia según el la los las un una unos unas mi mis tu tus su sus nuestro nuestra muy tan",
        "eh em ehm mmm pues",
        ("yo como",),
    ),
    "fr": _spaced(
        "et ou mais donc car parce que qu' lorsque puisque comme si dont de du des d' à au aux en dans sur sous avec"
        " sans pour par chez entre vers le la les l' un une mon ma mes ton ta tes son sa ses notre nos votre vos je j'"
        " tu il ils on très c' c'est",
        "euh heu hum hem ben bah",
    ),
    "hi": _spaced("और या लेकिन मगर क्योंकि कि अगर जब बहुत", "उम अम हम्म"),
    "it": _spaced(
        "e ed o ma perché che anche se mentre come di del della dei delle dello degli a al alla ai alle in nel nella"
        " con per tra fra su sul sulla da dal dalla il lo la i gli le un",
        "eh ehm mmm cioè",
        ("so perché",),
    ),
    "ja": _unspaced(
        "ので のに で は を に へ と や とか たり なら そして でも だから それで",
        "えっと えーと ええと あの あのー その うーん",
    ),
    "pt": _spaced(
        "e ou mas porque que quando enquanto se como de do da dos das a ao à em no na nos nas com por para pra sem"
        " sobre entre o os as um uma",
        "eh hum ahn hã ãh",
    ),
    "zh": _unspaced("和 跟 或者 但是 可是 因为 所以 如果 虽然 而且 然后 把 被 从 比 很 非常 一个 我想 我要", "呃"),
}
"""The key is the language of a BCP-47 tag."""


def wants_more(text: str, language: str) -> bool:
    """Whether `text` ends in a word that calls for another one; False if its language has no list.

    language: BCP-47 tag.
    """
    listed = UNFINISHED.get(base(language))
    return listed is not None and listed.wants_more(text)
