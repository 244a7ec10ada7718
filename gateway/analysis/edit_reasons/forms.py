"""Tells why a correction of English put another form of the same word: "go" to "went", "dog" to "dogs"."""

from __future__ import annotations

import re

from gateway.analysis.edit_reasons import english
from gateway.analysis.edit_reasons.change import Change, Words
from gateway.analysis.remarks import Remark

_OVER = re.compile(
    r"\b(?:yesterday|ago|last (?:night|week|weekend|month|year|spring|summer|autumn|winter)|in (?:19|20)\d\d)\b"
)
_PLURAL_RARER_BY = 1.5  # on the Zipf scale; what is rarer is an adjective with an -s: "violents"
_OF_RULES = {
    ("he", "is"): "is_after_singular", ("he", "has"): "has_after_singular", ("he", "doesn't"): "doesnt",
    ("we", "are"): "are_after_plural", ("we", "were"): "were_after_plural", ("there", "are"): "there_are",
}  # fmt: skip
_LIKE = {"she": "he", "it": "he", "they": "we", "you": "we"}


def form_reason(change: Change, was: str, now: str) -> Remark | None:
    """The reason if both are forms of one word; None if it is not certain."""
    if english.FOR_ONE.get(was) == now or english.FOR_ONE.get(now) == was:
        return _agreement(change, now)
    if english.PAST.get(was) == now:
        return past_reason(change, now) or Remark("past_tense", past=now)
    if english.PAST_OF_MODALS.get(was) == now and english.REPORTS & {*change.before}:
        return Remark("past_tense", past=now)
    if (reason := _plural(was, now)) or not (base := english.common_base(was, now)):
        return reason
    past, participle = english.IRREGULAR.get(base, ("", ""))
    if {was, now} <= english.with_ing(base) or (not past and {was, now} <= english.with_ed(base)):
        return Remark("spelling", word=now)
    if now == base:
        return _base(change, was, now)
    if now in english.with_ing(base):
        return _ing(change, now)
    if now in (past, participle) or (not past and now in english.with_ed(base)):
        return _past(change, was, now, base)
    if was == base and now == english.with_s(base):
        return _with_s(change, was, now)
    return None


def past_reason(change: Change, past: str) -> Remark | None:
    """The reason of a past tense if the sentence names a time that is over."""
    words = (*change.before, *change.after)
    return Remark("past_time", past=past) if _OVER.search(" ".join(words)) else None


def perfect(out: Words, into: Words) -> str:
    """The words added, if they are the perfect tense of the verb that was in the present; otherwise empty."""
    if len(into) not in (2, 3) or into[0] not in english.HAVE or english.HAVE & set(out):
        return ""
    is_be = out[-1:] in (("am",), ("is",), ("are",)) and into[1:] == ("been",)
    return " ".join(into) if is_be or (out and english.common_base(out[-1], into[-1])) else ""


def _agreement(change: Change, now: str) -> Remark | None:
    """The reason of "is" to "are", "have" to "has", and the like."""
    subject = change.last
    if change.is_question and change.next in english.SUBJECTS:
        subject = change.next
    if change.aid:
        return Remark("base_form", aid=change.aid, base=now) if now in ("have", "do") else None
    if code := _OF_RULES.get((_LIKE.get(subject, subject), now)):
        return Remark(code)
    if subject == "i":
        return Remark("form_after", word="I", form=now) if now in ("have", "do", "don't", "haven't") else None
    is_for_one = now in english.FOR_ONE.values()
    if subject in english.SUBJECTS and is_for_one != (subject in ("he", "she", "it")):
        return None  # "if she were"
    return Remark("for_one" if is_for_one else "for_more", form=now)


def _plural(was: str, now: str) -> Remark | None:
    """The reason of a change between forms of a noun that is certainly no verb."""
    for one, plural in english.PLURALS.items():
        if now == plural and was == f"{plural}s":
            return Remark("is_plural")
        if now == plural and was == english.with_s(one):
            return Remark("irregular_plural", plural=plural)
        if one != plural and {was, now} == {one, plural}:
            return Remark("plural" if now == plural else "singular", form=now)
    if now in english.UNCOUNTABLE and was == english.with_s(now):
        return Remark("no_plural")
    return None


def _base(change: Change, was: str, now: str) -> Remark | None:
    has_s = was == english.with_s(now)
    is_verb = now in english.ONLY_VERBS or change.last in english.SUBJECTS or change.aid in english.NOT_BEFORE_NOUNS
    if change.aid and (is_verb or not has_s):  # "to schools" and "do sports" have nouns
        return Remark("base_form", aid=change.aid, base=now)
    if not has_s:
        return None
    if change.last in ("i", "you", "we", "they"):
        return Remark("form_after", word=english.shown(change.last), form=now)
    if now in english.ONLY_VERBS or (_follows_many(change) and english.can_be_verb(now)):
        return Remark("without_s", form=now)
    if change.last == "every":
        return Remark("singular_after_every")
    is_plural = english.frequency(was) >= english.frequency(now) - _PLURAL_RARER_BY and now not in english.NO_NOUNS
    return Remark("singular", form=now) if is_plural and _is_noun(change, now) else None


def _with_s(change: Change, was: str, now: str) -> Remark | None:
    if change.last in ("he", "she", "it"):
        return Remark("third_person", form=now)
    if was in english.ONLY_VERBS or (_is_verb(change) and english.can_be_verb(was)):
        return Remark("for_one", form=now)
    return Remark("plural", form=now) if _is_noun(change, was) else None


def _is_noun(change: Change, word: str) -> bool:
    """Whether the word is certainly a noun in this place."""
    nouns_follow = english.DETERMINERS | english.BE | (english.PREPOSITIONS - {"to"})
    return change.last in nouns_follow or change.last.isdigit() or not english.can_be_verb(word)


def _is_verb(change: Change) -> bool:
    """Whether a word that can be a verb certainly is one in this place."""
    has_object = change.next in english.ARTICLES | frozenset(english.PRONOUNS.values())
    return change.last in english.PEOPLE or (has_object and change.last not in english.DETERMINERS | {""})


def _follows_many(change: Change) -> bool:
    """Whether a plural is before the change."""
    noun = change.last.removesuffix("s")
    return change.last in english.MANY or (noun != change.last and len(noun) > 3 and not english.can_be_verb(noun))


def _ing(change: Change, now: str) -> Remark | None:
    if change.last in english.ING_FOLLOWS:
        return Remark("form_after", word=change.last, form=now)
    return Remark("ing_form", form=now)


def _past(change: Change, was: str, now: str, base: str) -> Remark | None:
    past, participle = english.IRREGULAR.get(base, (now, now))
    if change.last in english.HAVE:
        return Remark("form_after", word=change.last, form=now) if now == participle else None
    if change.last in english.BE | english.DESCRIBED:
        return Remark("participle", form=now) if now == participle else None
    if now != past or change.last in english.DETERMINERS | english.PREPOSITIONS:
        return None
    if base in english.IRREGULAR and (was in english.with_ed(base) or base != was == participle != past):
        return Remark("irregular_past", past=now)
    if was not in (base, english.with_s(base)) or not change.last:
        return None
    return past_reason(change, now) or Remark("past_tense", past=now)
