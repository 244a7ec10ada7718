"""Why a correction of English was made; see the package."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher

from gateway.analysis.edit_reasons import english
from gateway.analysis.edit_reasons.change import Change
from gateway.analysis.edit_reasons.forms import form_reason, past_reason
from gateway.analysis.edit_reasons.several import question_reason, reason_of_several
from gateway.analysis.remarks import Remark

_MISSPELT_FROM = 0.75  # the least similarity of a word to its correct spelling, 0 to 1
_SHORTEST_MISSPELT = 4
_KNOWN_FROM_ZIPF = 3.0
_UNKNOWN_UP_TO_ZIPF = 2.8
_LESS_FREQUENT_BY = 2.0  # a misspelling is a hundred times less frequent than the word
_OF_RULES = {
    ("listen", "to"): "listen_to", ("depend", "on"): "depend_on", ("intere", "in"): "interested_in",
    ("marrie", "to"): "married_to",
}  # fmt: skip
"""The first letters of a word, and its preposition → the reason of a rule about them."""
_PAIRS = {
    ("a", "an"): "an_before_vowel", ("an", "a"): "a_before_consonant", ("many", "much"): "much_not_many",
    ("much", "many"): "many_not_much", ("this", "these"): "these", ("which", "who"): "who_for_people",
    ("what", "who"): "who_for_people",
}  # fmt: skip
_NEGATIVE = {"nothing": "anything", "nobody": "anybody", "never": "ever", "no": "any", "nowhere": "anywhere"}


def reason_for(original: str, corrected: str, sentence: str) -> Remark | None:
    """Why `original`, a part of `sentence`, became `corrected`; None if that is not certain.

    The first call blocks for half a second, while the list of English words is loaded.
    """
    change = Change.of(original, corrected, sentence)
    match change.out, change.into:
        case (), (word,):
            return _missing(change, word)
        case (word,), ():
            return _extra(change, word)
        case (was,), (now,):
            return _replaced(change, was, now)
        case out, into if Counter(out) == Counter(into) and out:
            return Remark("word_order")
    return question_reason(change) or reason_of_several(change)


def _missing(change: Change, word: str) -> Remark | None:
    if word in english.ARTICLES:
        return Remark("article_missing", article=word)
    if word in ("do", "does", "did") and change.next == "not":
        return Remark("helping_verb", aid=word)
    if word in english.BE and not (change.is_said(word) or english.QUESTION_WORDS & {*change.before}):
        return Remark("be_missing", form=word)
    if word == "will" and not change.is_said(word):
        return Remark("will_missing")
    if word == "to" and _is_verb_next(change):
        return Remark("to_missing", base=change.next)
    if word in english.SMALL_PREPOSITIONS and not (change.is_question and change.is_said(word)):
        is_unclear = word == "to" and english.can_be_verb(change.next)
        return None if is_unclear else _by_rule(change, word) or Remark("preposition_missing", preposition=word)
    if word == "old" and change.before[-1:] in (("years",), ("year",), ("months",), ("month",)):
        return Remark("years_old")
    if word == "it" and change.next in english.BE and change.last in english.OPENERS | {""}:
        return Remark("subject_missing", subject=word)
    if word in english.MOVABLE and change.is_said(word):
        return Remark("word_place", word=word)
    if word in english.MISSING_WORDS and not change.is_said(word):
        return Remark("word_missing", word=english.shown(word))
    return question_reason(change)


def _extra(change: Change, word: str) -> Remark | None:
    if word in english.ARTICLES:
        return Remark("article_extra", article=word)
    if word == "to" and change.last in english.MODALS:
        return Remark("no_to")
    if word == "to" and change.next == "home":
        return Remark("home")
    if word == "about" and change.last.startswith("discuss"):
        return Remark("discuss")
    if word == "to" and english.can_be_verb(change.next):
        return None
    if word in english.SMALL_PREPOSITIONS and change.before:
        return Remark("preposition_extra", preposition=word)
    if word in english.HAVE and english.is_past(change.next):
        return past_reason(change, change.next)
    if word == "am" and change.next == "agree":
        return Remark("agree")
    if word in ("it", "he", "she", "they", "will") and change.before and not change.is_question:
        return Remark("word_extra", word=word)
    if (word, change.next[-2:]) == ("more", "er") or (word, change.next) == ("more", "worse"):
        return Remark("says_more")
    if (word, change.next[-3:]) == ("most", "est"):
        return Remark("says_most")
    return None


def _replaced(change: Change, was: str, now: str) -> Remark | None:
    if (was, now) in _PAIRS:
        return Remark(_PAIRS[was, now])
    if was == "the" and now in english.POSSESSIVES:
        return Remark("possessive", word=now)
    if {was, now} <= english.ARTICLES:
        return Remark("article_other", article=now)
    if now == "to" and was in english.PREPOSITIONS and english.can_be_verb(change.next):
        return Remark("to_missing", base=change.next) if _is_verb_next(change) else None
    if {was, now} <= english.PREPOSITIONS:
        return _by_rule(change, now) or Remark("preposition_other", preposition=now)
    if was == "not" and now in english.DO_NOT:
        return Remark("helping_verb", aid=now)
    if was in english.SUBJECTS and now == f"{was}'s":
        is_unclear = change.next == "got" or english.is_past(change.next)  # "she has got", "she is called"
        return None if is_unclear else Remark("be_missing", form=now)
    if _NEGATIVE.get(was) == now:
        return Remark("one_negative", word=now)
    if was in english.HAVE and now in english.BE:
        return Remark("be_not_have", form=now)
    if english.PRONOUNS.get(was) == now or english.PRONOUNS.get(now) == was:
        return Remark("pronoun_form", pronoun=english.shown(now))
    if now in english.adverbs_of(was) or (was, now) == ("good", "well"):
        return Remark("adverb", adverb=now)
    if was in english.adverbs_of(now):
        return Remark("adjective", adjective=now)
    return form_reason(change, was, now) or _spelling(was, now)


def _is_verb_next(change: Change) -> bool:
    """Whether the next word is certainly a verb in its base form."""
    return change.next in english.ONLY_VERBS | {"be"} or (
        change.last in english.TO_FOLLOWS and english.can_be_verb(change.next)
    )


def _by_rule(change: Change, preposition: str) -> Remark | None:
    code = _OF_RULES.get((change.last[:6], preposition))
    return Remark(code) if code else None


def _spelling(was: str, now: str) -> Remark | None:
    if was == now.replace("'", ""):
        return Remark("spelling", word=english.shown(now))
    is_similar = SequenceMatcher(None, was, now, autojunk=False).ratio() >= _MISSPELT_FROM
    if not is_similar or len(was) < _SHORTEST_MISSPELT or not (was + now).isalpha():
        return None
    known = english.frequency(now)
    stems = [was.removesuffix(ending) for ending in ("s", "ed", "ing", "ly")]  # "firemans" and "fastly" are well spelt
    is_form = any(stem != was and english.frequency(stem) >= _KNOWN_FROM_ZIPF for stem in stems)
    is_no_word = english.frequency(was) <= min(_UNKNOWN_UP_TO_ZIPF, known - _LESS_FREQUENT_BY)
    return Remark("spelling", word=now) if known >= _KNOWN_FROM_ZIPF and is_no_word and not is_form else None
