"""Is what was heard a turn, or only a sound: a "mhm" while the partner speaks, a cough, the partner's own echo?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from statistics import geometric_mean

from gateway.ports import HeardWord

# What people say to show that they listen, by language, alone or one after the other ("oh, I see"); said over the
# partner's voice it asks for nothing.
BACKCHANNELS = {
    "en": "absolutely|ah|aha|all right|alright|cool|exactly|good|got it|great|ha|hah|haha|huh|i see|nice|of course|oh"
    "|ok|okay|really|right|sure|uh|uhhuh|um|wow|yeah|yep|yes|yup",
    "de": "ach|ah|aha|alles klar|genau|gut|ja|klar|oh|ok|okay|so|stimmt",
    "es": "ah|aja|ajá|bien|claro|oh|ok|okay|si|sí|vale|ya",
    "fr": "ah|bien|bon|d'accord|oh|ok|okay|ouais|oui|voilà",
    "it": "ah|bene|certo|ecco|eh|oh|ok|okay|si|sì|va bene",
}
# A hum or a noise as recognisers spell it, without a vowel: "mhm", "M-H-N", "pff".
NO_WORD = "[bcdfghjklmnpqrstvwxz]+"

# Below this a recogniser has guessed: a cough becomes "you" or "thank you".
UNSURE = 0.5
UNSURE_WORDS = 3
# But words that ask for the floor are believed: recognisers doubt most words that stand alone.
DEMANDS = {
    "en": "again|but|hello|help|hold|how|listen|no|pardon|please|quiet|repeat|slower|sorry|stop|wait|what|when|where"
    "|who|why",
    "de": "aber|bitte|entschuldigung|halt|hallo|hilfe|langsamer|moment|nein|stop|stopp|wann|warte|warum|was|wer|wie"
    "|wieso|wo",
    "es": "alto|ayuda|cómo|cuándo|despacio|dónde|espera|espere|hola|no|para|pare|perdón|pero|qué|quién",
    "fr": "aide|arrête|arrêtez|attends|attendez|comment|mais|non|où|pardon|pourquoi|quand|qui|quoi|stop",
    "it": "aiuto|alt|aspetta|aspetti|basta|chi|come|cosa|dove|fermo|ma|no|perché|piano|quando|scusa|scusi",
}

ECHO_LIKENESS = 0.75
ECHO_WORDS = 3


def is_backchannel(text: str, language: str, *, unfinished: bool = False) -> bool:
    """Whether `text` only shows that the learner listens. Empty text does not even that.

    unfinished: whether it may yet become so with the next word ("oh, I").
    """
    phrases = _of(BACKCHANNELS, language)
    sound = f"(?:{'|'.join(phrases)}|{NO_WORD}) "
    begins = "|".join(phrase.split()[0] for phrase in phrases if " " in phrase) if unfinished else ""
    return re.fullmatch(f"(?:{sound})*(?:(?:{begins}) )?", " ".join([*_plain(text), ""])) is not None


def is_unsure(words: Sequence[HeardWord], language: str) -> bool:
    """Whether these few words are more likely a noise: the recogniser itself does not believe in them."""
    if not 0 < len(words) <= UNSURE_WORDS or _demands(words, language):
        return False
    return geometric_mean([max(word.confidence, 0.001) for word in words]) < UNSURE


def is_echo(text: str, partner_says: str) -> bool:
    """Whether `text` is the partner's own voice, picked up from a loudspeaker: mostly its words, in its order."""
    heard, said = _plain(text), _plain(partner_says)
    if len(heard) < ECHO_WORDS:
        return False
    matches = SequenceMatcher(None, heard, said, autojunk=False).get_matching_blocks()
    return sum(match.size for match in matches if match.size > 1) / len(heard) >= ECHO_LIKENESS


def _demands(words: Sequence[HeardWord], language: str) -> bool:
    return bool(set(_plain(" ".join(word.text for word in words))) & set(_of(DEMANDS, language)))


def _of(phrases: dict[str, str], language: str) -> list[str]:
    """Those for a BCP-47 tag; the English ones where there are none."""
    return phrases.get(language.partition("-")[0].lower(), phrases["en"]).split("|")


def _plain(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'").replace("-", " "))
