"""How sure is it that the speaker is done? Sound, words and silence in one probability. Pure.

A logistic model of four signs. Its weights were fitted on the tuning half of the turn-taking set
(`python -m tests.bench.turn_taking --fit`), and are few so that they can be read:

    what                                  sign
    acoustic probability of Smart Turn    its log-odds
    words that want more                  1 if the text ends in "and", "to the", "because", a comma …
    a sound of thinking                   1 if it ends in "um", "uh", "…", "-"
    a sentence's end                      1 if it ends in . ? !

Words that want more are known for English; in other languages the punctuation speaks alone.
"""

from __future__ import annotations

import math
import re

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
    if question and words[0] in _QUESTIONS and last in _STRANDED:  # "where are you from?"
        return False
    if last in _AUXILIARIES and before in _PRONOUNS and _ANSWERS.intersection(words[:3]):  # "yes, I do"
        return False
    return not (last == "so" and before in _OPINIONS)  # "I think so"


BIAS, ACOUSTIC, WANTS_MORE, THINKS, ENDED = -0.14, 0.14, -3.35, -2.69, 1.12


def probability_of_end(acoustic: float, text: str, language: str = "en") -> float:
    """0 to 1; `acoustic`: the probability of Smart Turn."""
    odds = math.log(min(max(acoustic, 1e-3), 1 - 1e-3) / (1 - min(max(acoustic, 1e-3), 1 - 1e-3)))
    wants_more, thinks, ended = text_signs(text, language)
    score = BIAS + ACOUSTIC * odds + WANTS_MORE * wants_more + THINKS * thinks + ENDED * ended
    return 1 / (1 + math.exp(-score))
