"""Tells why a correction of English changed several words, if they are one mistake: "you like?" to "do you like?"."""

from __future__ import annotations

from collections import Counter

from gateway.analysis.edit_reasons import english
from gateway.analysis.edit_reasons.change import Change, Words
from gateway.analysis.edit_reasons.forms import form_reason, past_reason, perfect
from gateway.analysis.remarks import Remark


def question_reason(change: Change) -> Remark | None:
    """The reason if a question only got "do", "does" or "did", and its verb the base form."""
    aid = next((word for word in change.into if word in ("do", "does", "did")), "")
    if not change.is_question or not aid or aid in change.out or change.is_said(aid):
        return None
    rest = [word for word in change.into if word != aid]
    forms = [next((word for word in rest if english.common_base(was, word) == word), "") for was in change.out]
    return Remark(f"question_with_{aid}") if Counter(forms) == Counter(rest) else None


def reason_of_several(change: Change) -> Remark | None:
    """The reason of the few changes of two words that are one mistake."""
    if "since" in (*change.before, *change.after) and (form := perfect(change.out, change.into)):
        return Remark("with_since", form=form)
    match change.out, change.into:
        case (was, *verb), (now, *base) if was == "not" and now in english.DO_NOT:
            return Remark("helping_verb", aid=now) if _are_bases(verb, base) else None
        case (was, *verb), (now, "not", *base) if was == "not" and now in ("do", "does", "did"):
            return Remark("helping_verb", aid=now) if _are_bases(verb, base) else None
        case ("to", base), (verb,) if verb in english.with_ing(base):
            return form_reason(change, base, verb)
        case (verb,), (aid, progressive) if aid in english.BE and english.is_ing(progressive, verb):
            return Remark("ing_form", form=f"{aid} {progressive}")
        case (verb,), ("to", base) if verb in english.with_ing(base):
            return Remark("to_missing", base=base)
        case (word, verb), ("to", base) if word in english.PREPOSITIONS and verb in english.with_ing(base):
            return Remark("to_missing", base=base)
        case ((was, "the"), (now,)) | ((was,), (now, "the")) if {was, now} <= english.PREPOSITIONS:
            return Remark("preposition_other", preposition=now)
        case (aid, verb), (past,) if aid in english.HAVE and english.is_past(past) and english.common_base(verb, past):
            return past_reason(change, past)
        case (aid, verb), (simple,) if aid in english.BE and english.is_ing(verb, simple):
            return Remark("no_ing", form=simple)
        case ("more" | "most" as degree, word), (form,) if form in english.compared(word, degree):
            return Remark("short_comparative", comparative=form)
        case out, into if "of" in out and "of" not in into:
            return _without_of(out, into)
    return None


def _are_bases(verbs: list[str], bases: list[str]) -> bool:
    """Whether the second are the base forms of the first, in the same order."""
    found = [english.common_base(*pair) for pair in zip(verbs, bases, strict=False)]
    return len(verbs) == len(bases) and found == bases


def _without_of(out: Words, into: Words) -> Remark | None:
    """The reason of "the car of my sister" to "my sister's car", and of "teacher of piano" to "piano teacher"."""
    kept = Counter(word for word in out if word not in ("of", "the"))
    if kept != Counter(word.removesuffix("'s") for word in into):
        return None
    if any(word.endswith("'s") for word in into):
        return Remark("genitive")
    is_two_nouns = len(into) == 2 and not {*into} & english.NO_NOUNS and not into[0].endswith("s")
    return Remark("noun_noun") if is_two_nouns else None
