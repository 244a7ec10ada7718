"""Makes mistakes: gives right English sentences some of the mistakes that learners make.

The mistakes in `corrections/` are better examples, but there are only some thousands. These teach the model the forms
of many more words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from gateway.analysis.slips import PAST

Change = Callable[[re.Match[str], random.Random], str]

_PAST_OF = {past: base for base, past in PAST.items()}
_TIMES = re.compile(r"\b(?:yesterday|last|ago|was|were|when I was|in (?:19|20)\d\d|did|before)\b", re.IGNORECASE)
_ODD_PLURALS = {"people": "peoples", "children": "childs", "men": "mans", "women": "womans", "feet": "foots"}
_UNCOUNTABLE = "information|advice|homework|furniture|luggage|work|news|music|traffic|money|knowledge|equipment|weather"
_ALIKE = {
    "their": "there", "there": "their", "than": "then", "then": "than", "too": "to", "your": "you're",
    "you're": "your", "its": "it's", "lose": "loose", "quite": "quiet", "quiet": "quite", "were": "where",
    "advice": "advise", "which": "wich", "because": "becouse", "beautiful": "beautifull", "different": "diferent",
    "really": "realy", "friend": "freind", "always": "allways", "until": "untill", "interesting": "intresting",
}  # fmt: skip
_PREPOSITIONS = ("in", "on", "at", "to", "for", "of", "from", "with", "by", "about")
_NUMBERS = "two|three|four|five|six|seven|eight|nine|ten|many|some|few|several|these|those|both|all"
_SINGULAR = "he|she|it|who|that|brother|sister|mother|father|friend|wife|husband|boss|son|daughter|dog|cat|[A-Z][a-z]+"
_NOT_VERBS = "always|also|is|was|has|does|this|us|as|his|its|perhaps|sometimes|less|yes|plus|besides|unless|towards"


def _base_of_third(verb: str) -> str:
    """`goes` → `go`, `studies` → `study`, `likes` → `like`."""
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if re.search(r"(?:ss|sh|ch|x|o)es$", verb):
        return verb[:-2]
    return verb[:-1]


def _regular(past: str) -> str:
    base = _PAST_OF[past]
    return base + ("d" if base.endswith("e") else "ed")


def _misspelt(match: re.Match[str], chance: random.Random) -> str:
    word = match.group()
    at = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    if kind == 2:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + chance.choice("aeiou" if word[at] in "aeiou" else "bcdfglmnprstv") + word[at + 1 :]


def _other(words: tuple[str, ...]) -> Change:
    return lambda match, chance: chance.choice([word for word in words if word != match.group().lower()])


def _as(template: str) -> Change:
    return lambda match, _: match.expand(template)


# How often each mistake is made, compared with the others; where it can be made; what it makes of the words there. The
# group `kept` is what stands before these words.
_CHANGES: tuple[tuple[float, str, Change], ...] = (
    (6, r"\b(?:a|an|the) (?=[a-z])", _as("")),
    (1, r"\ba (?=[bcdfgklmnprst])", _as("an ")),
    (1, r"\ban (?=[aeio])", _as("a ")),
    (1, r"(?P<kept>\b(?:like|love|hate) )(?=[a-z]+s\b)", _as("the ")),
    (5, rf"\b(?P<who>{_SINGULAR}) (?P<verb>(?!(?:{_NOT_VERBS})\b)[a-z]{{2,}}s)\b",
     lambda match, _: f"{match['who']} {_base_of_third(match['verb'])}"),
    (3, r"\b(?:is|are)\b", _other(("is", "are"))),
    (2, r"\b(?:was|were)\b", _other(("was", "were"))),
    (3, r"\bhas\b", _as("have")),
    (3, r"\bdoes(n['’]t)?\b", lambda match, _: "do" + (match.group(1) or "")),
    (2, r"\b(?:don['’]t|doesn['’]t)\b", lambda match, chance: chance.choice(("not", "no", "dont"))),
    (5, rf"\b(?:{'|'.join(_PAST_OF)})\b", lambda match, _: _regular(match.group())),
    (4, rf"(?P<kept>\b(?:{_NUMBERS}) )(?P<noun>[a-z]{{2,}}[^s\W])s\b", _as(r"\g<noun>")),
    (3, r"\b(?P<noun>[a-z]{3,}[^su\W])s(?=[.,!?]| (?:and|are|were|in|on|at|with|from|for|of|who|that)\b)",
     _as(r"\g<noun>")),
    (1, r"\bthese\b", _as("this")),
    (1, r"\bthose\b", _as("that")),
    (4, rf"\b(?:{'|'.join(_PREPOSITIONS)})\b", _other(_PREPOSITIONS)),
    (2, r"(?<=[a-z]) (?:in|on|at|to|for|of)(?= (?:the|my|a|his|her|our|\w+day)\b)", _as("")),
    (1, r"\b(?P<verb>discuss(?:ed)?|enter(?:ed)?|marr(?:y|ied)|visit(?:ed)?|answer(?:ed)?) (?=[a-z])",
     lambda match, chance: f"{match['verb']} {chance.choice(('about', 'in', 'with', 'to'))} "),
    (1, r"\b(?P<verb>listen(?:ed|ing|s)?|wait(?:ed|ing|s)?|look(?:ed|ing|s)?|depend(?:s|ed)?) (?:to|for|at|on)\b",
     _as(r"\g<verb>")),
    (4, r"(?P<kept>\b(?:want|like|need|have|try|hope|going|wants|likes|needs|tried|wanted) )to (?=[a-z])", _as("")),
    (2, r"\b(?P<modal>can|could|must|should|would|will|can['’]t) (?=(?!not|have|be)[a-z])", _as(r"\g<modal> to ")),
    (4, r"\b(?P<who>I|you|he|she|it|we|they)['’](?:m|s|re)(?= [a-z])", _as(r"\g<who>")),
    (4, r"(?<=[a-z] )(?:am|is|are|was|were) (?=[a-z])", _as("")),
    (2, r"(?P<be>\b(?:am|is|are|was|were|['’]m|['’]s|['’]re) )(?P<verb>[a-z]{2,})ing\b", _as(r"\g<be>\g<verb>")),
    (2, r"(?P<kept>\b(?:enjoy|finish|like|love|hate|stop) )(?P<verb>[a-z]{2,})ing\b", _as(r"to \g<verb>")),
    (2, r"(?P<kept>\b(?:for|of|about|in|without|before|after) )(?P<verb>[a-z]{3,})ing\b", _as(r"\g<verb>")),
    (2, r"\b(?P<word>better|worse|[a-z]{2,}[^e]er)(?= than\b)", _as(r"more \g<word>")),
    (1, r"\bbetter\b", _as("more good")),
    (1, r"\bthe (?P<word>[a-z]{3,})est\b", _as(r"the most \g<word>")),
    (3, r"(?P<kept>\b(?:[Dd]id|didn['’]t) (?:(?:you|he|she|they|we|it) )?)" + rf"(?P<verb>{'|'.join(PAST)})\b",
     lambda match, _: PAST[match["verb"]]),
    (3, r"(?i)\b(?:do|does|did) (?=(?:you|he|she|they|we|it|I)\b)", _as("")),
    (2, r"\b(?P<who>I|you|we|they|he|she) (?P<when>always|often|usually|never|sometimes) (?P<verb>[a-z]+)\b",
     _as(r"\g<who> \g<verb> \g<when>")),
    (2, rf"\b(?P<noun>{_UNCOUNTABLE})\b", _as(r"\g<noun>s")),
    (2, rf"\b(?:{'|'.join(_ODD_PLURALS)})\b", lambda match, _: _ODD_PLURALS[match.group()]),
    (1, r"\bmuch\b", _as("many")),
    (1, r"\bmany\b", _as("much")),
    (1, r"\b(?P<adverb>[a-z]{3,}[^n])ly\b", _as(r"\g<adverb>")),
    (1, r"\bvery (?=[a-z])", _as("very much ")),
    (1, r"\b(?:my|his|her|our|their)\b", _other(("my", "his", "her", "our", "their", "he", "she"))),
    (1, r"\b(?:him|her|them|us|me)(?=[.,!?])", lambda match, _: {"him": "he", "her": "she", "them": "they", "us": "we",
                                                              "me": "I"}[match.group()]),
    (1, r"\bbecause\b", _as("because of")),
    (2, rf"\b(?:{'|'.join(_ALIKE)})\b", lambda match, _: _ALIKE[match.group()]),
    (2, r"\b[a-z]{5,}\b", _misspelt),
    (1, r"\bI\b", _as("i")),
    (1, r"(?<=[a-z])['’](?=[a-z])", _as("")),
)  # fmt: skip
_CHANGES_OF_PAST: tuple[tuple[float, str, Change], ...] = (
    (3, r"\b(?P<base>(?:[a-z]{3,}e(?=d\b))|[a-z]{3,}(?=ed\b))(?:d|ed)\b(?! by)", _as(r"\g<base>")),
    (4, rf"\b(?:{'|'.join(_PAST_OF)})\b", lambda match, _: _PAST_OF[match.group()]),
)  # fmt: skip
"""The same for sentences that name a time in the past. In others the present tense may be right."""


def _compiled(changes: tuple[tuple[float, str, Change], ...]) -> list[tuple[float, re.Pattern[str], Change]]:
    return [(weight, re.compile(pattern), change) for weight, pattern, change in changes]


_ANY_TIME = _compiled(_CHANGES)
_PAST_TIME = _compiled(_CHANGES + _CHANGES_OF_PAST)
_AGAIN = 0.4  # the probability of each further mistake


def with_mistakes(right: str, chance: random.Random) -> str:
    """The sentence with one mistake or a few; without any if none fits."""
    sentence = right
    changes = _PAST_TIME if _TIMES.search(right) else _ANY_TIME
    while True:
        fits = [one for one in changes if one[1].search(sentence)]
        if not fits:
            return sentence
        ((_, pattern, change),) = chance.choices(fits, [weight for weight, *_ in fits])
        match = chance.choice(list(pattern.finditer(sentence)))
        kept = match.groupdict().get("kept") or ""
        sentence = sentence[: match.start()] + kept + change(match, chance) + sentence[match.end() :]
        if sentence != right and chance.random() > _AGAIN:
            return re.sub(r"  +", " ", sentence).strip()
