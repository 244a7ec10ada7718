"""Finds mistakes without a language model, by a few rules for English that have no false alarms.

They find only few mistakes: "buyed", "I not understand", "she like", "didn't went", and those of `phrase_slips`. There
are no rules for other languages. If words could be right in other places, the rule applies only at the beginning of a
sentence or a clause: "he go" is wrong in "He go home", but right in "Did he go home?".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from common.languages import base
from gateway.analysis.phrase_slips import BEGINS, PHRASE_RULES, PhraseRule, Scope
from gateway.analysis.remarks import Remark

# Those whose form in -ed is a word of its own are left out: "seed", "singed", "waked".
PAST = {
    "become": "became", "begin": "began", "blow": "blew", "break": "broke", "bring": "brought", "build": "built",
    "buy": "bought", "catch": "caught", "choose": "chose", "come": "came", "draw": "drew", "drink": "drank",
    "drive": "drove", "eat": "ate", "fall": "fell", "feel": "felt", "fight": "fought", "find": "found", "fly": "flew",
    "forget": "forgot", "get": "got", "give": "gave", "go": "went", "grow": "grew", "hear": "heard", "keep": "kept",
    "know": "knew", "lose": "lost", "make": "made", "meet": "met", "run": "ran", "say": "said", "sell": "sold",
    "send": "sent", "sleep": "slept", "speak": "spoke", "spend": "spent", "stand": "stood", "swim": "swam",
    "take": "took", "teach": "taught", "tell": "told", "think": "thought", "throw": "threw",
    "understand": "understood", "wear": "wore", "write": "wrote",
}  # fmt: skip
"""Base form → past tense, of verbs whose past tense learners form with -ed."""
_DOUBLED = {"begin": "beginned", "forget": "forgetted", "get": "getted", "run": "runned", "swim": "swimmed"}
_REGULAR = {
    _DOUBLED.get(base, f"{base}d" if base.endswith("e") else f"{base}ed"): past for base, past in PAST.items()
} | {"cutted": "cut", "hurted": "hurt"}
_ALSO_BASES = {"fell", "found"}  # "I didn't found the company" is right
_BASE = {past: base for base, past in PAST.items() if past not in _ALSO_BASES}
# Verbs whose base form can't be a past tense, unlike "put". So "he go" or "I not go" at the beginning of a clause is
# certainly a mistake.
_VERBS = (
    "agree", "ask", "believe", "buy", "care", "come", "cook", "do", "drink", "drive", "eat", "feel", "find", "forget",
    "get", "give", "go", "have", "hear", "help", "know", "learn", "like", "live", "look", "love", "make", "mean",
    "need", "play", "remember", "say", "see", "sleep", "speak", "study", "take", "talk", "teach", "tell", "think",
    "travel", "try", "understand", "use", "visit", "wait", "walk", "want", "watch", "wear", "work", "write",
)  # fmt: skip
_THIRD = {"do": "does", "go": "goes", "have": "has", "study": "studies", "try": "tries"}
_THIRD |= {"teach": "teaches", "watch": "watches"}
_VERB = "|".join(_VERBS)


@dataclass(frozen=True, slots=True)
class Slip:
    """`start` to `end`: its place in the sentence, in characters."""

    start: int
    end: int
    corrected: str
    why: Remark


@dataclass(frozen=True, slots=True)
class _Rule:
    """correct: match → the correction, and why. scope: the sentences to which the rule applies."""

    pattern: re.Pattern[str]
    correct: Callable[[re.Match[str]], tuple[str, Remark]]
    scope: Scope


def _regular_past(match: re.Match[str]) -> tuple[str, Remark]:
    past = _REGULAR[match.group().lower()]
    return past, Remark("irregular_past", past=past)


def _bare_not(match: re.Match[str]) -> tuple[str, Remark]:
    subject, verb = match["subject"], match["verb"]
    aid = "doesn't" if subject.lower() in ("he", "she", "it") else "don't"
    return f"{subject} {aid} {verb}", Remark("helping_verb", aid=aid)


def _bare_third_person(match: re.Match[str]) -> tuple[str, Remark]:
    verb = match["verb"].lower()
    form = _THIRD.get(verb, verb + "s")
    return f"{match['subject']} {form}", Remark("third_person", form=form)


def _dont_of_third_person(match: re.Match[str]) -> tuple[str, Remark]:
    return f"{match['subject']} doesn't", Remark("doesnt")


def _past_after_did(match: re.Match[str]) -> tuple[str, Remark]:
    base = _BASE[match["verb"].lower()]
    return f"{match['aid']} {base}", Remark("base_form", aid=match["aid"].lower(), base=base)


def _past_time(match: re.Match[str]) -> tuple[str, Remark]:
    past = PAST[match["verb"].lower()]
    return f"{match['subject']} {past}", Remark("past_time", past=past)


def _am_agree(match: re.Match[str]) -> tuple[str, Remark]:
    subject, negation = match["subject"], match["negation"]
    return (f"{subject} don't agree" if negation else f"{subject} agree"), Remark("agree")


def _phrase(rule: PhraseRule) -> _Rule:
    return _Rule(rule.pattern, lambda match: (match.expand(rule.corrected), rule.why), rule.scope)


def _anywhere(pattern: str, correct: Callable[[re.Match[str]], tuple[str, Remark]]) -> _Rule:
    return _Rule(re.compile(rf"\b{pattern}\b", re.IGNORECASE), correct, "anywhere")


def _at_beginning(pattern: str, correct: Callable[[re.Match[str]], tuple[str, Remark]]) -> _Rule:
    return _Rule(re.compile(rf"{BEGINS}{pattern}\b(?!['’])", re.IGNORECASE), correct, "statements")


_RULES = (
    _anywhere(rf"(?:{'|'.join(_REGULAR)})", _regular_past),
    _anywhere(rf"(?P<aid>did(?:n['’]t| not)|(?:don|doesn)['’]t) (?P<verb>{'|'.join(_BASE)})", _past_after_did),
    _at_beginning(rf"(?P<subject>I|you|we|they|he|she|it) not (?P<verb>{_VERB})", _bare_not),
    _at_beginning(rf"(?P<subject>he|she|it) (?P<verb>{_VERB})(?! not\b)", _bare_third_person),
    _at_beginning(r"(?P<subject>he|she|it) (?:don['’]t|do not)", _dont_of_third_person),
    _at_beginning(r"(?P<subject>I) am (?P<negation>not )?agree", _am_agree),
    _Rule(
        re.compile(
            r"(?<=^yesterday )(?P<subject>I|you|we|they|he|she) " + rf"(?P<verb>{'|'.join(PAST)})\b", re.IGNORECASE
        ),
        _past_time,
        "statements",
    ),
    *map(_phrase, PHRASE_RULES),
)


def slips_in(sentence: str, language: str) -> list[Slip]:
    """The mistakes in one sentence, in order, without overlaps."""
    if base(language) != "en":
        return []
    is_question = "?" in sentence
    found = [
        Slip(match.start(), match.end(), *rule.correct(match))
        for rule in _RULES
        if rule.scope in ("anywhere", "questions" if is_question else "statements")
        for match in rule.pattern.finditer(sentence)
    ]
    kept: list[Slip] = []
    for slip in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or slip.start >= kept[-1].end:
            kept.append(slip)
    return kept
