"""How sure is it that the speaker is done? Sound, words and silence in one probability. Pure.

A logistic model of six signs. Its weights were fitted to the tuning half of the turn-taking set
(`python -m tests.bench.turn_taking --half tuning --fit`), and are few so that they can be read:

    what                                  sign
    acoustic probability of Smart Turn    its log-odds
    words that want more                  1 if the text ends in "and", "to the", "because", a comma …
    a sound of thinking                   1 if it ends in "um", "uh", "…", "-"
    a sentence's end                      1 if it ends in . ? !
    probability of that . ? or !          its log-odds against the usual, 0 if there is none
    confidence in the last word           its log-odds against the usual

The last two come with the decode. Where a sentence breaks off, Whisper often writes a full stop all the same, but finds
it less probable than "…", a comma or another word; and a last word that was cut short, or is no word, it only guesses.
Words that want more are known for English; in other languages the rest decides.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from asr_service.engine import Transcript

# ruff: noqa: SIM905  a list of words reads better as one

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
    i we he she they i'm i've i'll i'd you're we're they're he's she's it's there's that's
    very quite also even just usually normally generally only almost such want wants wanted need needs going gonna
    """.split()
).union(_AUXILIARIES)
_QUESTIONS = frozenset("what what's who who's where where's which how why when whose".split())
_STRANDED = frozenset("from for with at in on like of to about".split()).union(_PRONOUNS, _AUXILIARIES, _QUESTIONS)
_ANSWERS = frozenset("yes no yeah yep nope sure course neither well".split())
_OPINIONS = frozenset("think hope guess believe suppose said say".split())
_FILLERS = frozenset("um uh umm uhm er erm hmm hm mm ah eh".split())


def text_signs(text: str, language: str = "en") -> tuple[float, float, float]:
    """(wants more, thinks, sentence ended), each 0 or 1, of what was understood so far."""
    text = text.rstrip()
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    last = words[-1] if words else ""
    english = language.partition("-")[0].lower() in ("", "en")
    thinks = text.endswith(("...", "…", "-", "–")) or (english and last in _FILLERS)
    unfinished = text.endswith((",", ";", ":")) or (english and _wants_more(words, question=text.endswith("?")))
    ended = text.endswith((".", "?", "!", "。", "？", "！")) and not thinks
    return float(unfinished and not thinks), float(thinks), float(ended)


def _wants_more(words: list[str], *, question: bool) -> bool:
    """Whether English words end in one that is seldom a sentence's last."""
    if not words or words[-1] not in _UNFINISHED:
        return False
    before, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if question and words[0] in _QUESTIONS and last in _STRANDED:  # "where are you from?", but "what do you think of"
        return before == "think"
    if last in _AUXILIARIES and before in _PRONOUNS and _ANSWERS.intersection(words[:3]):  # "yes, I do"
        return False
    return not (last == "so" and before in _OPINIONS)  # "I think so"


class Signs(NamedTuple):
    """What there is to go by at a pause; see above."""

    acoustic: float
    wants_more: float
    thinks: float
    ended: float
    mark: float
    last_word: float


BIAS = 0.45
WEIGHTS = Signs(acoustic=0.06, wants_more=-2.96, thinks=-1.55, ended=1.48, mark=1.64, last_word=0.58)
_USUAL_MARK, _USUAL_WORD = 0.85, 0.97  # of complete sentences; stands in where an engine does not say


def signs_of_end(acoustic: float, heard: Transcript, language: str = "en") -> Signs:
    """The signs in what was understood so far; `acoustic`: the probability of Smart Turn, 0 to 1."""
    wants_more, thinks, ended = text_signs(heard.text, language)
    mark = _USUAL_MARK if heard.closing is None else heard.closing
    last_word = heard.words[-1].confidence if heard.words else _USUAL_WORD
    return Signs(
        _log_odds(acoustic, 0.01, 0.99),
        wants_more,
        thinks,
        ended,
        ended * (_log_odds(mark, 0.05, 0.97) - _log_odds(_USUAL_MARK)),
        _log_odds(last_word, 0.05, 0.995) - _log_odds(_USUAL_WORD),
    )


def probability_of_end(acoustic: float, heard: Transcript, language: str = "en") -> float:
    """0 to 1; `acoustic`: the probability of Smart Turn."""
    signs = signs_of_end(acoustic, heard, language)
    score = BIAS + sum(weight * sign for weight, sign in zip(WEIGHTS, signs, strict=True))
    return 1 / (1 + math.exp(-score))


def _log_odds(probability: float, least: float = 0.0, most: float = 1.0) -> float:
    bounded = min(max(probability, least), most)
    return math.log(bounded / (1 - bounded))
