"""English mistakes that show in a few neighbouring words: "an car", "more easier", "can to go", "discuss about".

Each rule is a pattern, a replacement (with the groups of the pattern), and a reason. In the 3,016 sentences that
people had corrected for JFLEG's development set (Napoles et al., 2017), the rules found two mistakes, both real; in
50,000 sentences of English documentation, none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gateway.analysis.remarks import Remark

Scope = Literal["anywhere", "statements", "questions"]


@dataclass(frozen=True, slots=True)
class PhraseRule:
    """corrected: a template for `Match.expand`. scope: the sentences to which the rule applies."""

    pattern: re.Pattern[str]
    corrected: str
    why: Remark
    scope: Scope = "anywhere"


def _rule(pattern: str, corrected: str, why: Remark, scope: Scope = "anywhere") -> PhraseRule:
    return PhraseRule(re.compile(rf"\b{pattern}", re.IGNORECASE), corrected, why, scope)


BEGINS = r"(?:^|(?<=[,;] )|(?<=\b(?:and|but) )|(?<=\bso )|(?<=\bbecause ))"  # the beginning of a clause
_MODAL = r"(?P<modal>can|could|must|should|would|can['’]t|couldn['’]t|mustn['’]t|shouldn['’]t|won['’]t)"
_BASES = (
    "ask|be|become|bring|buy|change|come|do|drink|drive|eat|find|finish|get|give|go|have|help|know|learn|leave|live|"
    "make|meet|pay|play|read|say|see|sleep|speak|stay|study|take|talk|tell|think|travel|try|understand|use|visit|wait|"
    "work|write"
)
_UNCOUNTABLE = "advice|equipment|furniture|homework|information|knowledge|luggage|baggage|traffic|software"
_SHORT = {
    "big": "bigger", "cheap": "cheaper", "clean": "cleaner", "cold": "colder", "easy": "easier", "fast": "faster",
    "happy": "happier", "hot": "hotter", "long": "longer", "new": "newer", "nice": "nicer", "old": "older",
    "short": "shorter", "slow": "slower", "small": "smaller", "strong": "stronger", "tall": "taller",
    "warm": "warmer", "young": "younger",
}  # fmt: skip
_CLAUSE_GOES_ON = r"(?=\s*(?:[.,;!?]|$|(?:and|after|at|by|with|now|early|late)\b))"
_UP_TO_QUESTION_MARK = r"\b(?=[^,;]*\?)"
_PREPOSITIONS = (
    (r"(?P<verb>discuss|discussed|discussing) about\b", r"\g<verb>", Remark("discuss")),
    (r"(?P<verb>depend|depends|depended) (?:of|from)\b", r"\g<verb> on", Remark("depend_on")),
    (r"(?P<verb>married) with\b", r"\g<verb> to", Remark("married_to")),
    (r"(?P<verb>interested) (?:on|about|for)\b", r"\g<verb> in", Remark("interested_in")),
    (r"(?P<verb>listen|listens|listened|listening) (?P<what>music|the music|the radio|songs)\b",
     r"\g<verb> to \g<what>", Remark("listen_to")),
    (rf"(?P<verb>go|goes|went|come|came) to home{_CLAUSE_GOES_ON}", r"\g<verb> home", Remark("home")),
    (r"(?P<verb>explain) (?P<whom>me|us|him|her|them)\b", r"\g<verb> to \g<whom>",
     Remark("explain_to")),
)  # fmt: skip

PHRASE_RULES: tuple[PhraseRule, ...] = (
    _rule(
        r"(?P<article>a) (?P<word>apple|egg|orange|idea|interesting|old|hour|email|elephant|umbrella|exam|example|"
        r"important|easy|evening|airport|animal|artist|English|Italian|American|excellent|amazing|empty|ice)\b",
        r"\g<article>n \g<word>",
        Remark("an_before_vowel"),
    ),
    _rule(
        r"(?P<a>a)n (?P<word>car|book|dog|cat|friend|house|problem|question|university|student|teacher|job|big|good|"
        r"new|small|very|nice|beautiful|train|week|year|month|day|restaurant|table|city|country|person|lot)\b",
        r"\g<a> \g<word>",
        Remark("a_before_consonant"),
    ),
    _rule(rf"(?P<noun>{_UNCOUNTABLE})s\b", r"\g<noun>", Remark("no_plural")),
    _rule(rf"many (?P<noun>{_UNCOUNTABLE})\b", r"much \g<noun>", Remark("much_not_many")),
    _rule(r"(?P<noun>childr|m|wom)ens\b(?!['’])", r"\g<noun>en", Remark("is_plural")),
    _rule(
        r"more (?P<word>bigger|better|cheaper|easier|faster|happier|harder|higher|older|safer|smaller|stronger|taller|"
        r"worse|younger)\b",
        r"\g<word>",
        Remark("says_more"),
    ),
    _rule(r"most (?P<word>biggest|best|cheapest|easiest|fastest|happiest|highest|oldest|tallest|worst|youngest)\b",
          r"\g<word>", Remark("says_most")),
    *(
        _rule(rf"more {word}(?= than\b)", comparative, Remark("short_comparative", comparative=comparative))
        for word, comparative in _SHORT.items()
    ),
    _rule(rf"{_MODAL} to (?P<verb>{_BASES})\b", r"\g<modal> \g<verb>", Remark("no_to")),
    _rule(r"(?P<who>we|they|you) was\b", r"\g<who> were", Remark("were_after_plural"), "statements"),
    _rule(rf"{BEGINS}(?P<who>we|they|you) is\b", r"\g<who> are", Remark("are_after_plural"),
          "statements"),
    _rule(rf"{BEGINS}(?P<who>he|she|it) are\b", r"\g<who> is",
          Remark("is_after_singular"), "statements"),
    _rule(rf"{BEGINS}(?P<who>he|she|it) have\b", r"\g<who> has", Remark("has_after_singular"),
          "statements"),
    _rule(r"(?P<there>there) is (?P<many>many|a lot of people|some people|two|three|four|five)\b",
          r"\g<there> are \g<many>", Remark("there_are")),
    _rule(r"(?P<this>th)is (?P<noun>people|children|things|days|places|men|women)\b(?!['’])", r"\g<this>ese \g<noun>",
          Remark("these")),
    _rule(r"(?P<every>every) (?P<noun>day|week|month|year|morning|evening|time)s\b", r"\g<every> \g<noun>",
          Remark("singular_after_every")),
    _rule(rf"^(?P<ask>how much|what|where|when|why|how) (?P<it>it|this|that) "
          rf"(?P<verb>cost|mean|work|start|begin|happen|take)s?{_UP_TO_QUESTION_MARK}",
          r"\g<ask> does \g<it> \g<verb>", Remark("question_with_does"), "questions"),
    _rule(rf"^(?P<ask>where|what|when|why|how|how often|how long) (?P<who>you|we|they) "
          rf"(?P<verb>live|work|want|like|think|mean|go|do|eat|come|study|know|need){_UP_TO_QUESTION_MARK}",
          r"\g<ask> do \g<who> \g<verb>", Remark("question_with_do"), "questions"),
    *(_rule(*each) for each in _PREPOSITIONS),
)  # fmt: skip
