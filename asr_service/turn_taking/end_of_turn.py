"""The probability that the learner is done, from the sound and the words. Pure.

It is a logistic model of a few signs. Its weights were fitted to the tuning half of the turn-taking set (`python -m
bench.turn_taking --half tuning --fit`). There are only a few weights, so that people can read them. All signs except
the last are the log-odds of a probability; for `last_word`, less those of a usual last word:

    sign         probability
    acoustic     that of Smart Turn (`smart_turn`), from the sound of the last 8 s
    ends         the recogniser's, that the sentence ends after the last word
    last_word    the recogniser's confidence in the last word
    could_end    a language model's (`text_model`), that a sentence could end after the last word
    comma        the recogniser's, that a comma follows rather than a word, if the sentence goes on
    wants_more   1 if the text ends in, for example, "and", "to the", "because", a comma, "um" or "…"; otherwise 0

If a sentence breaks off, Whisper often writes a full stop anyway. But then it finds "…", a comma or another word nearly
as probable, and it is unsure of a last word that was cut short. The language model is better than Whisper at deciding
whether the words are a whole sentence, in English and, less surely, in Spanish, French, Italian and Portuguese
(`text_model`). Where it can't be asked, the last two signs replace it: if the recogniser expects a comma, a clause is
complete, and turns often end there. `wants_more` has rules for English, and lists of words for other languages
(`unfinished`); in a language without a list it depends only on the punctuation.

Those four languages have weights of their own, fitted to Whisper base and Kokoro's voices (`--language es fr --half
tuning --fit`): `wants_more` counts beside the language model, and Smart Turn doesn't count. In noise, Whisper base
leaves out the punctuation marks of these languages, so a missing mark says little.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from asr_service.engine import Expectation, Transcript
from asr_service.turn_taking import unfinished
from common.languages import base
from common.letters import SENTENCE_ENDS

# ruff: noqa: SIM905  a list of words is easier to read as one string

_AUXILIARIES = """
    is are was were am be been being do does did have has had will would can could shall should may might must
    can't won't don't didn't doesn't isn't aren't wasn't weren't couldn't wouldn't shouldn't haven't hasn't
    """.split()
_PRONOUNS = "i you he she it we they there".split()
_UNFINISHED = frozenset(
    """
    and but or nor so because although though unless until while if when whenever where wherever since as than that
    which who whose whom whether what why how a an the my your its our their every
    of in on at to from with without for by about into onto between through during against among toward towards via like
    near beside behind under within beyond despite
    i we he she they i'm i've i'll i'd you're we're they're he's she's it's there's that's
    very quite also even just usually normally generally only almost such want wants wanted need needs going gonna
    """.split()
).union(_AUXILIARIES)
_QUESTIONS = frozenset("what what's who who's where where's which how why when whose".split())
_STRANDED = frozenset("from for with at in on like of to about".split()).union(_PRONOUNS, _AUXILIARIES, _QUESTIONS)
_HELPING = frozenset("do does did have has can could will would should".split())
_ANSWERS = frozenset("yes no yeah yep nope sure course neither well".split())
_OPINIONS = frozenset("think hope guess believe suppose said say".split())
_FILLERS = frozenset("um uh umm uhm er erm hmm hm mm ah eh".split())


def text_signs(text: str, language: str = "en") -> tuple[bool, bool]:
    """(wants more, has ended): whether the text calls for another word, and whether it ends with a punctuation mark
    that ends a sentence.

    language: BCP-47 tag, empty for English.
    """
    text = text.rstrip()
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    english = base(language) in ("", "en")
    wants_more = text.endswith((",", ";", ":", "...", "…", "-", "–", "、", "，")) or (
        _wants_more(words, question=text.endswith("?")) if english else unfinished.wants_more(text, language)
    )
    return wants_more, text.endswith(tuple(SENTENCE_ENDS)) and not wants_more


def _wants_more(words: list[str], *, question: bool) -> bool:
    """Whether English words end in a hesitation sound, or in a word that seldom ends a sentence."""
    if words and words[-1] in _FILLERS:
        return True
    if question and len(words) > 2 and words[0] in _QUESTIONS and words[-2] in _HELPING and words[-1] in _PRONOUNS:
        return True  # "where did you?"
    if not words or words[-1] not in _UNFINISHED:
        return False
    before, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if question and words[0] in _QUESTIONS and last in _STRANDED:  # "where are you from?", but "what do you think of"
        return before == "think"
    if last in _AUXILIARIES and before in _PRONOUNS and _ANSWERS.intersection(words[:3]):  # "yes, I do"
        return False
    return not (last == "so" and before in _OPINIONS)  # "I think so"


class Signs(NamedTuple):
    """The signs at a pause, or the weight of each; see the table above."""

    acoustic: float
    ends: float
    last_word: float
    could_end: float = 0.0
    comma: float = 0.0
    wants_more: float = 0.0


class Weights(NamedTuple):
    """The weights of the logistic model."""

    bias: float
    signs: Signs


WITH_TEXT_MODEL = Weights(0.53, Signs(acoustic=0.07, ends=0.51, last_word=0.59, could_end=0.8))
WITHOUT_TEXT_MODEL = Weights(0.0, Signs(acoustic=0.07, ends=0.86, last_word=0.58, comma=1.14, wants_more=-2.55))
IN_ROMANCE_LANGUAGES = Weights(0.35, Signs(acoustic=0.0, ends=0.56, last_word=0.35, could_end=0.75, wants_more=-0.61))
# Usual expectations, where the engine gives none: if the text ends with a mark that ends a sentence; if it doesn't;
# and if it doesn't, but a missing mark says little in this language.
_WHOLE, _BROKEN_OFF = Expectation(ends=0.93, comma=0.41), Expectation(ends=0.6, comma=0.24)
_UNMARKED = Expectation(ends=0.85, comma=0.4)
_USUAL_WORD = 0.97  # the usual confidence in the last word


def signs_of_end(acoustic: float, heard: Transcript, language: str = "en", could_end: float | None = None) -> Signs:
    """The signs in the turn so far. For the arguments see `probability_of_end`."""
    wants_more, ended = text_signs(heard.text, language)
    marks_are_sure = wants_more or weights_for(language, has_text_model=could_end is not None) != IN_ROMANCE_LANGUAGES
    expectation = heard.expectation or (_WHOLE if ended else _BROKEN_OFF if marks_are_sure else _UNMARKED)
    last_word = heard.words[-1].confidence if heard.words else _USUAL_WORD
    return Signs(
        acoustic=_log_odds(acoustic, 0.01),
        ends=_log_odds(expectation.ends, 0.003),
        last_word=_log_odds(last_word, 0.05, 0.995) - _log_odds(_USUAL_WORD),
        could_end=0.0 if could_end is None else _log_odds(could_end, 0.001),
        comma=_log_odds(expectation.comma, 0.003),
        wants_more=float(wants_more),
    )


def probability_of_end(
    acoustic: float, heard: Transcript, language: str = "en", could_end: float | None = None
) -> float:
    """The probability that the learner is done, 0 to 1.

    acoustic: Smart Turn's probability. heard: the turn so far. language: BCP-47 tag, empty for English. could_end: the
    text model's probability; None if it wasn't asked.
    """
    bias, weights = weights_for(language, has_text_model=could_end is not None)
    signs = signs_of_end(acoustic, heard, language, could_end)
    score = bias + sum(weight * sign for weight, sign in zip(weights, signs, strict=True))
    return 1 / (1 + math.exp(-score))


def weights_for(language: str, *, has_text_model: bool) -> Weights:
    """The weights for a language. has_text_model: whether the text model was asked."""
    if not has_text_model:
        return WITHOUT_TEXT_MODEL
    return WITH_TEXT_MODEL if base(language) in ("", "en") else IN_ROMANCE_LANGUAGES


def _log_odds(probability: float, least: float = 0.0, most: float | None = None) -> float:
    """The log-odds of a probability, which is first bounded to [least, most]. most: 1 - least unless given."""
    bounded = min(max(probability, least), 1 - least if most is None else most)
    return math.log(bounded / (1 - bounded))
