"""Forms of English words, correct ones and those that learners make: "bought", "buyed"; "children", "childrens"."""

from __future__ import annotations

# base form, past tense, past participle
_IRREGULAR = """
be was been, become became become, begin began begun, bite bit bitten, blow blew blown, break broke broken,
bring brought brought, build built built, buy bought bought, catch caught caught, choose chose chosen,
come came come, cost cost cost, cut cut cut, do did done, draw drew drawn, drink drank drunk, drive drove driven,
eat ate eaten, fall fell fallen, feed fed fed, feel felt felt, fight fought fought, find found found, fly flew flown,
forget forgot forgotten, freeze froze frozen, get got got, give gave given, go went gone, grow grew grown,
hang hung hung, have had had, hear heard heard, hide hid hidden, hit hit hit, hold held held, hurt hurt hurt,
keep kept kept, know knew known, lead led led, leave left left, lend lent lent, let let let, lie lay lain,
light lit lit, lose lost lost, make made made, mean meant meant, meet met met, pay paid paid, put put put,
read read read, ride rode ridden, ring rang rung, rise rose risen, run ran run, say said said, see saw seen,
sell sold sold, send sent sent, set set set, shake shook shaken, shine shone shone, shoot shot shot,
show showed shown, shut shut shut, sing sang sung, sink sank sunk, sit sat sat, sleep slept slept,
speak spoke spoken, spend spent spent, stand stood stood, steal stole stolen, swim swam swum, take took taken,
teach taught taught, tear tore torn, tell told told, think thought thought, throw threw thrown,
understand understood understood, wake woke woken, wear wore worn, win won won, write wrote written
"""
_DOUBLING = frozenset(
    [
        "begin",
        "cut",
        "forget",
        "get",
        "hit",
        "let",
        "put",
        "run",
        "set",
        "shut",
        "sit",
        "stop",
        "swim",
        "plan",
        "shop",
        "win",
    ]
)
_SILENT_E = frozenset(
    [
        "arrive",
        "believe",
        "bake",
        "care",
        "change",
        "choose",
        "close",
        "come",
        "complete",
        "continue",
        "cycle",
        "dance",
        "decide",
        "describe",
        "die",
        "drive",
        "escape",
        "exercise",
        "explore",
        "freeze",
        "give",
        "hate",
        "have",
        "hide",
        "hope",
        "invite",
        "leave",
        "lie",
        "like",
        "live",
        "lose",
        "love",
        "make",
        "manage",
        "measure",
        "move",
        "notice",
        "phone",
        "place",
        "practice",
        "practise",
        "prepare",
        "promise",
        "receive",
        "replace",
        "ride",
        "rise",
        "save",
        "serve",
        "share",
        "shine",
        "shake",
        "smile",
        "smoke",
        "solve",
        "store",
        "suppose",
        "surprise",
        "take",
        "taste",
        "tie",
        "translate",
        "type",
        "use",
        "wake",
        "waste",
        "welcome",
        "write",
    ]
)
_PLURALS = {
    "people": ("peoples", "persons"), "person": ("persons",), "children": ("childrens", "childs", "child"),
    "men": ("mans", "mens", "man"), "man": ("men", "mans"), "women": ("womans", "womens", "woman"),
    "woman": ("women", "womans"), "feet": ("foots", "feets", "foot"), "foot": ("feet", "foots"),
    "teeth": ("tooths", "teeths", "tooth"), "mice": ("mouses", "mices"), "sheep": ("sheeps",), "fish": ("fishes",),
    "lives": ("lifes", "life"), "wives": ("wifes",), "knives": ("knifes",), "news": ("new",),
    "loaves": ("loafs", "loaf"), "leaves": ("leafs", "leaf"),
}  # fmt: skip
_SWAPPED = (
    "is are am", "was were", "has have", "do does", "don't doesn't", "isn't aren't", "wasn't weren't", "hasn't haven't",
    "this these", "that those", "many much", "few little", "a an the", "it's is", "did do does", "didn't don't doesn't",
)  # fmt: skip

ARTICLES = ("a", "an", "the")
PREPOSITIONS = ("in", "on", "at", "to", "of", "for", "with", "from", "about", "by", "since")
_FUNCTION = frozenset(
    [
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "him",
        "her",
        "us",
        "them",
        "my",
        "your",
        "his",
        "its",
        "our",
        "their",
        "mine",
        "yours",
        "this",
        "that",
        "these",
        "those",
        "who",
        "what",
        "which",
        "when",
        "where",
        "why",
        "how",
        "and",
        "or",
        "but",
        "because",
        "if",
        "so",
        "than",
        "then",
        "not",
        "no",
        "yes",
        "very",
        "too",
        "also",
        "there",
        "here",
        "just",
        "can",
        "could",
        "must",
        "should",
        "would",
        "will",
        "may",
        "might",
        "shall",
        "am",
        "is",
        "are",
        "was",
        "were",
        "been",
        "being",
        "as",
        "up",
        "out",
        "off",
        "over",
        "into",
        "every",
        "each",
        "some",
        "any",
        "all",
        "both",
        "please",
        "never",
        "always",
        "often",
        "sometimes",
        "usually",
        "again",
        "ever",
    ]
)
FUNCTION_WORDS = _FUNCTION | {*ARTICLES, *PREPOSITIONS}
"""Words without a plural, a past tense or a third person."""


def third_person(word: str) -> str:
    """The word with -s, as a verb or as a plural: "goes", "studies", "works"."""
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else word + "s"


def regular_past(word: str) -> str:
    """The word with -ed: "buyed", "cutted", "studied"."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ied"
    return word + "d" if word.endswith("e") else _doubled(word) + "ed"


def gerund(word: str) -> str:
    """The word with -ing: "reading", "smoking", "getting"."""
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return word[:-1] + "ing"
    return _doubled(word) + "ing"


def _doubled(word: str) -> str:
    return word + word[-1] if word in _DOUBLING else word


def _base_of_gerund(word: str) -> str:
    stem = word.removesuffix("ing")
    return _GERUNDS.get(word) or (_with_e(stem) if _with_e(stem) in _SILENT_E else _undoubled(stem))


def _base_of_past(word: str) -> str:
    stem = word.removesuffix("ed")
    if word.endswith("ied"):
        return word[:-3] + "y"
    return _with_e(stem) if _with_e(stem) in _SILENT_E else _undoubled(stem)


def _with_e(stem: str) -> str:
    return stem + "e"


def _undoubled(stem: str) -> str:
    double = len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "lsfz"
    return stem[:-1] if double else stem


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes", "oes")) else word[:-1]


def _verbs() -> tuple[dict[str, set[str]], dict[str, str]]:
    forms: dict[str, set[str]] = {}
    gerunds: dict[str, str] = {}
    for verb in _IRREGULAR.split(","):
        base, past, participle = verb.split()
        if base == "be":
            continue
        ing = gerund(base)
        gerunds[ing] = base
        every = {base, third_person(base), past, participle, regular_past(base), ing}
        if participle.endswith("en"):
            every.add(regular_past(past) if not past.endswith("e") else past + "d")
        for form in (base, third_person(base), past, participle, ing):
            forms.setdefault(form, set()).update(every - {form})
    return forms, gerunds


_VERB_FORMS, _GERUNDS = _verbs()
_SWAPS: dict[str, set[str]] = {}
for _words in _SWAPPED:
    for _word in _words.split():
        _SWAPS.setdefault(_word, set()).update({*_words.split()} - {_word})


def other_forms(word: str) -> set[str]:
    """Other forms of the plain lower-case `word`; some of them do not exist."""
    if word in _SWAPS:
        return set(_SWAPS[word])
    found = set(_VERB_FORMS.get(word, ()))
    found.update(_PLURALS.get(word, ()))
    if word in FUNCTION_WORDS or len(word) < 3 or not word.isalpha():
        return found
    if word.endswith("ing") and len(word) > 5:
        found.add(_base_of_gerund(word))
    elif word.endswith("ed") and len(word) > 4 and not word.endswith("eed"):
        found.update((_base_of_past(word), third_person(_base_of_past(word))))
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.add(_singular(word))
    else:
        found.add(third_person(word))
    return found - {word}


def base_of_gerund(word: str) -> str | None:
    """ "reading" → "read"; None for any other word."""
    return _base_of_gerund(word) if word.endswith("ing") and len(word) > 5 else None
