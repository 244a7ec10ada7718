"""English words and their forms, by which `reasons` recognises what a correction did."""

from __future__ import annotations

from gateway.analysis.word_frequency import lexicon_of


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ARTICLES = _set("a an the")
PREPOSITIONS = _set("in on at to of for from with by about into during until since onto between among through")
SMALL_PREPOSITIONS = _set("in on at to of for from with by about into")
BE = _set("am is are was were")
HAVE = _set("have has had haven't hasn't hadn't")
DO_NOT = _set("don't doesn't didn't")
MODALS = _set("can can't cannot could couldn't will won't would wouldn't shall should shouldn't may might must mustn't")
NOT_BEFORE_NOUNS = DO_NOT | MODALS
BASE_FOLLOWS = NOT_BEFORE_NOUNS | _set("do does did to")
ING_FOLLOWS = _set(
    "enjoy enjoys enjoyed finish finished mind avoid suggest suggested practise practice keep keeps kept"
    " of for from with by about at without before after than"
)
TO_FOLLOWS = _set(
    "want wants wanted need needs needed decide decided hope hopes hoped learn learned try tries tried plan plans"
    " planned promise promised forget forgot wish agreed refused able going i'd he'd she'd ready have has had"
)
SUBJECTS = _set("i you he she it we they")
OPENERS = _set("and but because so that if when think who which where what")
"""After one of them a clause may begin."""
MOVABLE = _set("always never often usually sometimes also really still only now again today yesterday tomorrow already")
BETWEEN = _set("always never often usually sometimes also really still only just not ever already")
"""They stand between a subject or a helping verb and the verb."""
POSSESSIVES = _set("my your his her its our their")
DETERMINERS = _set(
    "a an the my your his its our their this these those every each another some any no many several few"
    " two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
    " nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
)
"""After one of them comes a noun, or an adjective."""
DESCRIBED = _set("very so too more most quite get gets got be been feel feels felt")
"""After one of them, a word in -ed is a participle: "so bored"."""
FOR_ONE = {
    "are": "is", "were": "was", "have": "has", "do": "does", "don't": "doesn't", "aren't": "isn't",
    "weren't": "wasn't", "haven't": "hasn't",
}  # fmt: skip
"""Form of a verb for more than one → form for one."""
PEOPLE = _set(
    "mother father mum dad brother sister son daughter wife husband grandmother grandfather grandson granddaughter"
    " uncle aunt friend boyfriend girlfriend neighbour boss colleague teacher student man woman boy girl child somebody"
    " someone nobody everybody everyone"
)
"""After one of them comes no other noun without "'s"; so a word that can be a verb is one."""
MANY = _set("people children men women they we")
PRONOUNS = {"i": "me", "he": "him", "she": "her", "we": "us", "they": "them"}
UNCOUNTABLE = _set(
    "advice baggage bread equipment furniture homework housework information knowledge luggage money music progress"
    " rice software traffic weather"
)
PLURALS = {
    "child": "children", "fish": "fish", "foot": "feet", "half": "halves", "knife": "knives", "leaf": "leaves",
    "life": "lives", "man": "men", "mouse": "mice", "person": "people", "sheep": "sheep", "shelf": "shelves",
    "tooth": "teeth", "wife": "wives", "wolf": "wolves", "woman": "women",
}  # fmt: skip
PAST = {
    "am": "was", "is": "was", "are": "were", "isn't": "wasn't", "aren't": "weren't", "don't": "didn't",
    "doesn't": "didn't",
}  # fmt: skip
NO_NOUNS = DETERMINERS | PREPOSITIONS | _set("most half all both one him them me us other beside")
QUESTION_WORDS = _set("what where where's what's how who when why whether which")
PAST_OF_MODALS = {"can": "could", "will": "would", "can't": "couldn't", "won't": "wouldn't"}
REPORTS = _set("said told asked knew thought explained promised hoped wish wished")
"""After one of them, a modal verb that goes to the past tense only reports."""
ALL_PRONOUNS = SUBJECTS | {*PRONOUNS.values(), "there"}
MISSING_WORDS = ALL_PRONOUNS | POSSESSIVES | HAVE | {"one"}
ONLY_VERBS = _set(
    "agree allow appear arrive ask become begin believe belong borrow bring build buy carry choose come contain"
    " create decide depart depend describe destroy disappear discuss eat enjoy explain forget get give go grow happen"
    " have hear imagine improve include invite join keep know learn leave lend let listen lose make mean prefer prepare"
    " put receive relax remember repeat say see seem sell send sing sit sleep speak spend steal suggest swim take teach"
    " tell think throw understand want wear write"
)
"""Verbs that are hardly ever nouns."""
IRREGULAR = {
    base: (past, participle)
    for base, past, participle in map(
        str.split,
        """
        become became become|begin began begun|bite bit bitten|blow blew blown|break broke broken|bring brought brought
        build built built|buy bought bought|catch caught caught|choose chose chosen|come came come|cost cost cost
        cut cut cut|do did done|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen
        feed fed fed|feel felt felt|fight fought fought|find found found|fly flew flown|forget forgot forgotten
        get got got|give gave given|go went gone|grow grew grown|have had had|hear heard heard|hide hid hidden
        hit hit hit|hold held held|hurt hurt hurt|keep kept kept|know knew known|leave left left|lend lent lent
        let let let|lose lost lost|make made made|mean meant meant|meet met met|pay paid paid|put put put
        read read read|ride rode ridden|ring rang rung|rise rose risen|run ran run|say said said|see saw seen
        sell sold sold|send sent sent|shake shook shaken|shine shone shone|shut shut shut|sing sang sung|sit sat sat
        sleep slept slept|speak spoke spoken|spend spent spent|stand stood stood|steal stole stolen|swim swam swum
        take took taken|teach taught taught|tell told told|think thought thought|throw threw thrown
        understand understood understood|wake woke woken|wear wore worn|win won won|write wrote written
        """.strip().replace("\n", "|").split("|"),
    )
}  # fmt: skip
"""Base form → past tense and participle."""

_NO_ADVERBS = _set("fast hard high late most near")  # with -ly, they are no words or have another meaning
_ONLY_S = _set("euro kilo photo video piano radio")
_VERB_FROM_ZIPF = 2.0


def frequency(word: str) -> float:
    """How frequent the English `word` is; see `Lexicon.zipf`. Blocks at first while the list is loaded."""
    return lexicon_of("en").zipf(word)


def shown(word: str) -> str:
    """`word` as it is written in a sentence: "I", "I'd"."""
    return word.capitalize() if word.partition("'")[0] in ("i", "im") else word


def is_past(word: str) -> bool:
    """Whether `word` can be a past tense or its participle."""
    return word.endswith("ed") or any(word in forms for forms in IRREGULAR.values())


def adverbs_of(adjective: str) -> set[str]:
    """The possible adverbs in -ly of a word."""
    if len(adjective) < 3 or adjective in _NO_ADVERBS:
        return set()
    return {f"{adjective}ly", f"{adjective[:-1]}ily"} | ({f"{adjective[:-1]}y"} if adjective.endswith("le") else set())


def compared(word: str, degree: str) -> set[str]:
    """The forms of a short adjective with the meaning of "more" or "most" before it."""
    ending = {"more": "er", "most": "est"}[degree]
    return {
        f"{word}{ending}",
        f"{word.removesuffix('e')}{ending}",
        f"{word}{word[-1]}{ending}",
        f"{word[:-1]}i{ending}",
    }


def can_be_verb(word: str) -> bool:
    """Whether `word` can be the base form of a verb: there is a form of it in -ing that is not too rare."""
    if word in DETERMINERS | PREPOSITIONS | ALL_PRONOUNS or len(word) < 2:
        return False
    return word in ONLY_VERBS | {"be"} or max(map(frequency, with_ing(word))) >= _VERB_FROM_ZIPF


def with_s(word: str) -> str:
    """The plural of a regular noun, or the form of a verb after "he"."""
    if word == "have":
        return "has"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh", "o")) and word not in _ONLY_S else f"{word}s"


def with_ed(base: str) -> set[str]:
    """The forms of a verb in -ed, also of an irregular verb, with and without a doubled letter."""
    if base.endswith("e"):
        return {f"{base}d"}
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return {f"{base[:-1]}ied"}
    return {f"{base}ed", f"{base}{base[-1:]}ed"}


def with_ing(base: str) -> set[str]:
    """The forms of a verb in -ing, with and without a doubled letter."""
    if base.endswith("ie"):
        return {f"{base[:-2]}ying"}
    if base.endswith("e") and not base.endswith("ee"):
        return {f"{base[:-1]}ing"}
    return {f"{base}ing", f"{base}{base[-1:]}ing"}


def is_ing(word: str, other: str) -> bool:
    """Whether `word` is a verb's form in -ing, and `other` is another form of the verb."""
    base = common_base(word, other)
    return base != "" and word in with_ing(base) and other not in with_ing(base)


def common_base(was: str, now: str) -> str:
    """The word of which both are forms; empty if there is none."""
    shared = _bases(was) & _bases(now)
    likely = sorted(shared, key=lambda base: (base not in IRREGULAR, len(base)))
    return next((base for base in likely if {was, now} <= _forms(base)), "")


def _forms(base: str) -> set[str]:
    return {base, with_s(base), *with_ed(base), *with_ing(base), *IRREGULAR.get(base, ())}


def _bases(word: str) -> set[str]:
    """All that could be the base form of `word`, most of it no words."""
    found = {word} | {base for base, forms in IRREGULAR.items() if word in forms}
    for ending in ("s", "es", "ed", "ing"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            found |= {stem, f"{stem}e", f"{stem[:-1]}y", stem[:-1], f"{stem}y", f"{stem[:-1]}ie"}
    return found | {"have"} if word == "has" else found
