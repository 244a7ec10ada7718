"""Is what was heard a turn, or only a sound: a "mhm" while the partner speaks, a cough, the partner's own echo?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from gateway.ports import HeardWord

# What people say to show that they listen, by language; said over the partner's voice it asks for nothing.
BACKCHANNELS: dict[str, frozenset[str]] = {
    language: frozenset(phrases.split("|"))
    for language, phrases in {
        "en": "ah|aha|ah okay|all right|alright|hm|hmm|huh|i see|mhm|mm|mm hmm|mmhmm|mmm|oh|oh okay|oh really|oh wow"
        "|oh yeah|ok|okay|okay okay|really|right|sure|uh|uh huh|um|wow|yeah|yeah yeah|yep|yes|yes yes",
        "de": "ach|ach so|aha|genau|hm|ja|ja ja|mhm|oh|okay|so|stimmt",
        "es": "ah|aja|ajá|claro|mhm|oh|si|sí|vale|ya",
        "fr": "ah|ah bon|ah oui|d'accord|mhm|oh|ok|ouais|oui|voilà",
        "it": "ah|certo|ecco|eh|mhm|oh|ok|si|sì|va bene",
    }.items()
}

# Below this a recogniser has guessed: a cough becomes "you" or "thank you".
UNSURE = 0.5
UNSURE_WORDS = 2

ECHO_LIKENESS = 0.75
ECHO_WORDS = 3


def is_backchannel(text: str, language: str) -> bool:
    """Whether `text` only shows that the learner listens. Empty text does not even that."""
    known = BACKCHANNELS.get(language.partition("-")[0].lower(), BACKCHANNELS["en"])
    return " ".join(_plain(text)) in known | {""}


def is_unsure(words: Sequence[HeardWord]) -> bool:
    """Whether these few words are more likely a noise: the recogniser itself does not believe in them."""
    return 0 < len(words) <= UNSURE_WORDS and sum(word.confidence for word in words) / len(words) < UNSURE


def is_echo(text: str, partner_says: str) -> bool:
    """Whether `text` is the partner's own voice, picked up from a loudspeaker: mostly its words, in its order."""
    heard, said = _plain(text), _plain(partner_says)
    if len(heard) < ECHO_WORDS:
        return False
    matches = SequenceMatcher(None, heard, said, autojunk=False).get_matching_blocks()
    return sum(match.size for match in matches if match.size > 1) / len(heard) >= ECHO_LIKENESS


def _plain(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'").replace("-", " "))
