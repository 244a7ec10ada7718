"""Names the kind of a corrected mistake, from the words that the correction changed.

The kinds are a fixed list, and most languages lack some of them: Japanese has no articles. Most kinds are recognised
with the tables of `mistake_words`. For a language without tables there are only the kinds that need none. A kind is a
guess from a few words: it is right often enough to show which kind of mistake recurs, but not to grade anyone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import NamedTuple

from common.languages import base
from gateway.ports.learner_record import MistakeKind
from gateway.progress.mistake_words import FUNCTION_WORDS, UNKNOWN, FunctionWords

TITLES: dict[MistakeKind, str] = {
    "article": "articles",
    "preposition": "prepositions",
    "determiner": "words like this, some, every",
    "countability": "much, many, few, little",
    "pronoun": "pronouns",
    "possessive": "possessives",
    "reflexive": "reflexive pronouns",
    "conjunction": "joining words",
    "negation": "saying no",
    "auxiliary": "helping verbs",
    "copula": "the two verbs for “be”",
    "verb_tense": "tenses",
    "verb_form": "forms of verbs",
    "agreement": "verb and subject",
    "noun_number": "singular and plural",
    "gender": "gender",
    "case": "cases",
    "adjective_ending": "endings of adjectives",
    "comparison": "comparing",
    "adverb": "adverbs",
    "particle": "particles",
    "politeness": "politeness",
    "measure_word": "measure words",
    "word_order": "word order",
    "word_form": "forms of words",
    "spelling": "spelling",
    "word_choice": "choice of words",
    "missing_word": "missing words",
    "extra_word": "words too many",
}

ANY_LANGUAGE: frozenset[MistakeKind] = frozenset(
    {"word_order", "word_form", "spelling", "word_choice", "missing_word", "extra_word"}
)

_UNSPACED = {"ja", "zh"}
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?")
_LETTER = re.compile(r"[^\W\d_]")
_SPELLING_FROM = 0.74  # two words that are at least this similar (0 to 1) are the same word, misspelled
_STEM_FROM = 0.5  # forms of one word have the same beginning: at least this share of the longer form's letters
_BY_TABLE: tuple[tuple[MistakeKind, str], ...] = (
    ("article", "articles"),
    ("possessive", "possessives"),
    ("reflexive", "reflexives"),
    ("countability", "countables"),
    ("preposition", "prepositions"),
    ("particle", "particles"),
    ("politeness", "politeness"),
    ("measure_word", "measures"),
    ("comparison", "comparing"),
    ("negation", "negations"),
    ("auxiliary", "auxiliaries"),
    ("determiner", "determiners"),
    ("pronoun", "pronouns"),
    ("conjunction", "conjunctions"),
)
"""If all changed words are in the table, the mistake is of this kind. The first table that fits decides."""
_OF_STRUCTURE: tuple[tuple[MistakeKind, str], ...] = (
    ("gender", "gendered"),
    ("case", "cased"),
    ("agreement", "subjects"),
    ("copula", "copulas"),
    ("noun_number", "plurals"),
    ("adjective_ending", "endings"),
)
"""A language can have one of these kinds if its table for the kind is not empty. `_by_paradigm` and `_by_ending`
recognise these kinds, and for English `_english_verb`."""
_ENGLISH_ONLY: frozenset[MistakeKind] = frozenset({"verb_tense", "verb_form", "adverb"})

# Irregular verbs of English: base, past, participle.
_IRREGULAR = [
    tuple(line.split())
    for line in """
be was been|become became become|begin began begun|blow blew blown|break broke broken|bring brought brought
build built built|buy bought bought|catch caught caught|choose chose chosen|come came come|cost cost cost|do did done
draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feel felt felt|fight fought fought
find found found|fly flew flown|forget forgot forgotten|get got got|give gave given|go went gone|grow grew grown
have had had|hear heard heard|hold held held|keep kept kept|know knew known|leave left left|lose lost lost
make made made|mean meant meant|meet met met|pay paid paid|read read read|ride rode ridden|run ran run|say said said
see saw seen|sell sold sold|send sent sent|sing sang sung|sit sat sat|sleep slept slept|speak spoke spoken
spend spent spent|stand stood stood|swim swam swum|take took taken|teach taught taught|tell told told
think thought thought|throw threw thrown|understand understood understood|wake woke woken|wear wore worn|win won won
write wrote written
""".replace("\n", "|").split("|")
    if line
]
_BASE_OF = {form: forms[0] for forms in _IRREGULAR for form in forms}
_PAST = {form for forms in _IRREGULAR for form in forms[1:]} - {forms[0] for forms in _IRREGULAR}
_ADVERBS = {"good": "well", "fast": "fastly", "hard": "hardly"}


class _Change(NamedTuple):
    """The words that a correction takes away and adds, and the word before them."""

    out: tuple[str, ...]
    into: tuple[str, ...]
    before: str


def kinds_of(language: str) -> frozenset[MistakeKind]:
    """The kinds that mistakes in this language can have. language: a BCP-47 tag."""
    spoken = base(language)
    words = FUNCTION_WORDS.get(spoken, UNKNOWN)
    by_table = {kind for kind, table in (*_BY_TABLE, *_OF_STRUCTURE) if getattr(words, table)}
    return ANY_LANGUAGE | by_table | (_ENGLISH_ONLY if spoken == "en" else frozenset())


def kind_of(original: str, corrected: str, language: str, sentence: str = "") -> MistakeKind:
    """The kind of the mistake. sentence: the whole sentence; its word before `original` helps to decide."""
    spoken = base(language)
    words = FUNCTION_WORDS.get(spoken, UNKNOWN)
    before, after = _words(original, spoken), _words(corrected, spoken)
    if Counter(before) == Counter(after):
        return "word_order" if before != after else "spelling"
    change = _change(before, after, _word_before(original, sentence, spoken))
    return (
        _by_paradigm(change, words)
        or (_english(change, words) if spoken == "en" else None)
        or _by_table(change, words)
        or _by_form(change, words)
    )


def _words(text: str, spoken: str) -> list[str]:
    words = [match.group().replace("’", "'").casefold() for match in _WORD.finditer(text)]
    return words if spoken not in _UNSPACED else [one for word in words for one in word]


def _word_before(original: str, sentence: str, spoken: str) -> str:
    at = sentence.find(original)
    earlier = _words(sentence[:at], spoken) if at > 0 else []
    return earlier[-1] if earlier else ""


def _change(before: list[str], after: list[str], word_before: str) -> _Change:
    out: list[str] = []
    into: list[str] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal" and not (out or into):
            word_before = before[end - 1]
        if tag != "equal":
            out += before[start:end]
            into += after[new_start:new_end]
    return _Change(tuple(out), tuple(into), word_before)


def _pair(change: _Change) -> tuple[str, str] | None:
    """The replaced word and its replacement, if the correction replaced exactly one word."""
    return (change.out[0], change.into[0]) if len(change.out) == len(change.into) == 1 else None


def _by_paradigm(change: _Change, words: FunctionWords) -> MistakeKind | None:
    """The kind, if one function word was replaced by another, and the groups of forms tell the kind."""
    if (pair := _pair(change)) is None:
        return None
    if any(set(pair) <= forms for forms in words.agreeing):
        return "agreement"
    groups = [{at for at, forms in enumerate(words.copulas) if word in forms} for word in pair]
    if all(groups):
        return "copula" if not groups[0] & groups[1] else "agreement"
    if words.cased & set(pair) and _all_of_grammar(pair, words):
        return "case"
    if any(set(pair) <= forms for forms in words.gendered):
        return "gender"
    return None


def _all_of_grammar(pair: Iterable[str], words: FunctionWords) -> bool:
    return set(pair) <= words.articles | words.determiners | words.possessives | words.pronouns


def _by_table(change: _Change, words: FunctionWords) -> MistakeKind | None:
    changed = {*change.out, *change.into}
    for kind, table in _BY_TABLE:
        listed = getattr(words, table)
        if changed <= listed or (len(changed) == 1 and "".join(changed) in listed):
            return kind
    if changed <= words.reflexives | words.pronouns:
        return "pronoun"
    if changed <= words.articles | words.determiners | words.possessives | words.countables:
        return "determiner"
    return None


def _english(change: _Change, words: FunctionWords) -> MistakeKind | None:
    """The kind of a mistake in English verbs, comparison, adverbs or countability; None if it is another mistake."""
    out = [word for word in change.out if word not in words.auxiliaries and word not in {"to", "not"}]
    into = [word for word in change.into if word not in words.auxiliaries and word not in {"to", "not"}]
    helps = [word for word in (*change.out, *change.into) if word in words.auxiliaries]
    if {"more", "most"} & {*out, *into} or any(_is_compared(a, b) for a in out for b in into):
        return "comparison"
    if not (out or into):
        return "auxiliary" if helps else None
    if len(out) != 1 or len(into) != 1:
        return None
    was, now = out[0], into[0]
    if _ADVERBS.get(was) == now or now == f"{was}ly" or was == f"{now}ly" or (_ADVERBS.get(now) == was):
        return "adverb"
    if {was, now} <= words.countables:
        return "countability"
    return _english_verb(was, now, helps=bool(helps), change=change, words=words)


def _english_verb(was: str, now: str, *, helps: bool, change: _Change, words: FunctionWords) -> MistakeKind | None:
    if _base(was) != _base(now):
        return None
    if _differ_by_s(was, now):
        return "agreement" if change.before in words.subjects or helps else "noun_number"
    if was.endswith("ing") or now.endswith("ing") or "to" in {*change.out, *change.into}:
        return "verb_tense" if helps else "verb_form"
    if was.endswith("ed") and _base(was) in _BASE_OF.values():
        return "verb_form"  # "buyed"
    follows_auxiliary = not helps and change.before in words.auxiliaries  # "didn't went", "have saw"
    if helps or (_is_past(now) != _is_past(was) and not follows_auxiliary):
        return "verb_tense"
    return "verb_form"


def _is_past(word: str) -> bool:
    return word in _PAST or word.endswith("ed")


def _base(word: str) -> str:
    """A verb's base form, or something like it: the same for all forms of a word."""
    if word in _BASE_OF:
        return _BASE_OF[word]
    for ending in ("ing", "ied", "ies", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 2:
            stem += "y" if ending in ("ied", "ies") else ""
            if stem in _BASE_OF or f"{stem}e" in _BASE_OF:
                return _BASE_OF.get(stem) or _BASE_OF[f"{stem}e"]
            if len(stem) > 2 and stem[-1] == stem[-2] and stem[:-1] in _BASE_OF:
                return _BASE_OF[stem[:-1]]
            return stem.rstrip("e")
    return word.rstrip("e")


def _is_compared(was: str, now: str) -> bool:
    pairs = {("gooder", "better"), ("badder", "worse"), ("worser", "worse"), ("good", "better"), ("bad", "worse")}
    endings = ("er", "est")
    return (was, now) in pairs or any(
        one.endswith(endings) and _common(one, other) >= len(other) - 1 and not other.endswith(endings)
        for one, other in ((was, now), (now, was))
    )


def _differ_by_s(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long in {f"{short}s", f"{short}es", f"{short[:-1]}ies"} and short != long


def _by_form(change: _Change, words: FunctionWords) -> MistakeKind:
    """The kind of any other mistake: a word is missing, too many, the wrong one, misspelled, or in a wrong form."""
    if not change.out or not change.into:
        return "missing_word" if change.into else "extra_word"
    if (pair := _pair(change)) is None:
        return "word_choice"
    was, now = pair
    if not (_LETTER.search(was) and _LETTER.search(now)):
        return "word_choice"
    return _by_ending(was, now, change.before, words) or _by_letters(was, now)


def _by_ending(was: str, now: str, before: str, words: FunctionWords) -> MistakeKind | None:
    if before in words.subjects and _common(was, now) >= 2:
        return "agreement"
    if any(_swap(was, now, *ends) or _swap(now, was, *ends) for ends in words.gender_endings):
        return "gender"
    for one, other in ((was, now), (now, was)):
        if any(other == one + ending for ending in words.plurals) and len(one) > 2:
            return "adjective_ending" if words.endings and other.endswith(words.endings) else "noun_number"
    common = _common(was, now)
    if common >= 3 and words.endings and {was[common:], now[common:]} <= {"", *words.endings, "n", "r", "s", "m"}:
        return "adjective_ending"
    return None


def _by_letters(was: str, now: str) -> MistakeKind:
    common = _common(was, now)
    longest = max(len(was), len(now))
    rest = len(was) - common, len(now) - common
    if common >= max(3, _STEM_FROM * longest) and (min(rest) == 0 or max(rest) >= 2):
        return "word_form"
    return "spelling" if SequenceMatcher(None, was, now).ratio() >= _SPELLING_FROM else "word_choice"


def _swap(one: str, other: str, ending: str, for_ending: str) -> bool:
    """Whether `other` is `one` with `for_ending` in place of `ending`."""
    if not one.endswith(ending):
        return False
    stem = one[: len(one) - len(ending)]
    return len(stem) >= 2 and other == stem + for_ending and one != other


def _common(one: str, other: str) -> int:
    """How many letters the two words have in common at the beginning."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        count += 1
    return count
