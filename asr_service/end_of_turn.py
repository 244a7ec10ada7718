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

_UNFINISHED = frozenset(
    re.findall(
        r"[\w']+",
        """
    and but or nor so because although though unless until while if when whenever where wherever since as than that
    which who whose whom whether what why how
    a an the this these those my your his her its our their every each some any no another
    of in on at to from with without for by about into onto over under between through during before after
    against among around behind beside near toward towards via per like
    i we he she they i'm i've i'll i'd you're we're they're he's she's it's there's that's
    is are was were am be been being do does did have has had will would can could shall should may might must
    can't won't don't didn't doesn't isn't aren't wasn't weren't couldn't wouldn't shouldn't haven't hasn't
    very really quite also even just usually normally generally only almost such
    want wants wanted need needs went going gonna trying try tried
    """,
    )
)
_QUESTIONS = frozenset(["what", "what's", "who", "who's", "where", "where's", "which", "how", "why", "when", "whose"])
_STRANDED = (
    frozenset(["from", "for", "with", "at", "in", "on", "like", "of", "to", "about", "you", "they", "we", "he", "she"])
    | _QUESTIONS
)
_FILLERS = frozenset(["um", "uh", "umm", "uhm", "er", "erm", "hmm", "hm", "mm", "ah", "eh", "well"])


def text_signs(text: str, language: str = "en") -> tuple[float, float, float]:
    """(wants more, thinks, sentence ended), each 0 or 1, of what was understood so far."""
    text = text.rstrip()
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    last = words[-1] if words else ""
    english = language.partition("-")[0].lower() in ("", "en")
    stranded = (
        text.endswith("?") and words[:1] and words[0] in _QUESTIONS and last in _STRANDED
    )  # "where are you from?"
    thinks = text.endswith(("...", "…", "-", "–")) or (english and last in _FILLERS)
    unfinished = text.endswith((",", ";", ":")) or (english and last in _UNFINISHED and not stranded)
    ended = text.endswith((".", "?", "!", "。", "？", "！")) and not thinks
    return float(unfinished and not thinks), float(thinks), float(ended)


BIAS, ACOUSTIC, WANTS_MORE, THINKS, ENDED = -0.15, 0.14, -3.31, -2.64, 1.08


def probability_of_end(acoustic: float, text: str, language: str = "en") -> float:
    """0 to 1; `acoustic`: the probability of Smart Turn."""
    odds = math.log(min(max(acoustic, 1e-3), 1 - 1e-3) / (1 - min(max(acoustic, 1e-3), 1 - 1e-3)))
    wants_more, thinks, ended = text_signs(text, language)
    score = BIAS + ACOUSTIC * odds + WANTS_MORE * wants_more + THINKS * thinks + ENDED * ended
    return 1 / (1 + math.exp(-score))
